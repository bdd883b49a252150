"""A rollback deploys one commit: hosts that would go back to different ones are named instead."""

from __future__ import annotations

import json
import sys

import pytest
import yaml

from tests.roles.test_unready_inventories import one_line, play

pytestmark = pytest.mark.patient


def run_of(commit: str, number: int) -> str:
    """Two lines of a history: a deployment that began and succeeded."""
    run = {"run": str(number), "verb": "deploy", "who": "anna", "commit": commit, "dirty": False}
    begun = {**run, "event": "begun", "at": "2026-11-01T10:00:00Z", "clock": number}
    return f"{json.dumps(begun)}\n{json.dumps({**begun, 'event': 'ended', 'clock': number + 0.5})}\n"


@pytest.fixture
def hosts(tmp_path):
    """Two hosts with histories of their own, which a test writes."""
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    names = {name: {**host, "zakaz_dir": f"{tmp_path}/{name}"} for name in ("web-b", "web-a")}
    settings = {"zakaz_manages_units": False, "clickhouse_admin_password": "x", "clickhouse_http_port": 9}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"zakaz": {"hosts": names, "vars": settings}}, sort_keys=False))

    def choose(web_b: list[str], web_a: list[str]):
        for name, commits in (("web-b", web_b), ("web-a", web_a)):
            (tmp_path / name).mkdir()
            text = "".join(run_of(commit * 8, number) for number, commit in enumerate(commits, 1))
            (tmp_path / name / "history.jsonl").write_text(text)
        done = play(tmp_path / "hosts.yml", "rollback.yml", "-e", f"history_rollback_file={tmp_path}/chosen")
        chosen = tmp_path / "chosen"
        return done, chosen.read_text().strip() if chosen.exists() else None

    return choose


def test_hosts_with_one_past_go_back_together(hosts):
    done, chosen = hosts(["aaaaa", "bbbbb"], ["aaaaa", "bbbbb"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert chosen == "aaaaa" * 8


def test_hosts_with_other_pasts_are_named(hosts):
    done, chosen = hosts(["aaaaa", "bbbbb"], ["ccccc", "bbbbb"])
    assert done.returncode != 0
    assert "web-b would go back to aaaaaaaaaa, web-a to cccccccccc" in one_line(done.stdout)
    assert "TO=" in done.stdout and "ARGS='--limit web-b'" in done.stdout
    assert chosen is None
