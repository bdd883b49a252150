"""The screen of `make status` as the role makes it, on a host without a deployment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker_engine import DockerEngine, container
from tests.makefile import REPOSITORY
from tests.sources import ENABLED, TURNED_ON, unit_of

pytestmark = pytest.mark.patient
PLAY = """
- name: Status
  hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    __status_server: {failed: true}
    __status_runs: {failed: true}
    __status_cities: {failed: true}
    __status_degraded: {failed: true}
    __status_tables: {failed: true}
    __status_backups: {skipped: true}
    __status_backup_files: {results: [{stat: {exists: false}}, {stat: {exists: false}}]}
  tasks:
    - ansible.builtin.import_role: {name: zakaz}
    - ansible.builtin.import_role: {name: status, tasks_from: host}
    - ansible.builtin.import_role: {name: status, tasks_from: judge}
"""


@pytest.fixture
def status(tmp_path):
    """Run it with some settings; exit code and screen."""
    (tmp_path / "play.yml").write_text(PLAY)
    settings = {
        "zakaz_manages_units": False,
        "zakaz_repository": str(REPOSITORY),
        "zakaz_dir": str(tmp_path),
        "zakaz_docker_host": f"unix://{tmp_path}/docker.sock",
        "clickhouse_admin_password": "x",
        **TURNED_ON,
    }

    def run(**more):
        (tmp_path / "settings.json").write_text(json.dumps(settings | more))
        done = subprocess.run(
            [Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,", "-e", f"@{tmp_path}/settings.json",
             tmp_path / "play.yml"],
            cwd=REPOSITORY, env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    return run


def test_docker_that_does_not_answer_is_named_and_is_bad(status, tmp_path):
    code, screen = status()
    assert code != 0
    assert f" BAD   Docker               does not answer (unix://{tmp_path}/docker.sock: No such file" in screen
    assert "systemctl start docker (docs/operations/docker-down.md)" in screen
    assert " BAD   ClickHouse           does not answer, because Docker does not" in screen
    for source in ENABLED:
        assert f"{tmp_path}/{source}.env" in screen
    assert "-backups is not there (docs/operations/disk.md)" in screen


@pytest.mark.parametrize("source", ENABLED)
def test_failure_that_left_no_row_is_told_where_there_is_no_systemd(status, tmp_path, source):
    engine = DockerEngine(tmp_path / "docker.sock")
    engine.containers = [container("zakaz-clickhouse", "exited", "Exited (137) 2 minutes ago")]
    (tmp_path / f"{source}.ended.json").write_text('{"started": 5, "ended": 9, "exit_code": 78}')
    try:
        code, screen = status()
    finally:
        engine.stop()
    assert code != 0
    assert "  ok   Docker               20.10.24 answers" in screen
    assert " BAD   zakaz-clickhouse     it does not run (Exited (137) 2 minutes ago)" in screen
    assert "the last run failed (exit code 78: a setting or a credential is wrong)" in screen
    assert f"{tmp_path}/{unit_of(source)} check shows more (docs/operations/loader-failed.md)" in screen


def test_question_that_clickhouse_refuses_is_bad_and_not_passed_over(status):
    answered = {"rows": []}
    code, screen = status(
        __status_server={"rows": [{"version": "26.3.9.1", "uptime": "7500"}]},
        clickhouse_schema_report={"plan": []},
        __status_runs=answered, __status_cities={"failed": True, "msg": "no such view"},
        __status_degraded=answered, __status_tables={"failed": True},
    )  # fmt: skip
    assert code != 0
    assert " BAD   questions            ClickHouse cannot be asked for cities, tables; make plan shows" in screen
