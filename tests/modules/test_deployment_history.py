"""The audit trail survives what happens to runs and to files."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.modules.run_module import run_module

ENTRY = {"verb": "deploy", "who": "anna@desk", "commit": "a" * 40}


@pytest.fixture
def trail(tmp_path):
    return tmp_path / "history.jsonl"


def record(trail, state, **parameters):
    return run_module("deployment_history", path=str(trail), state=state, **parameters)


def lines(trail):
    return record(trail, "read")["lines"]


def test_success_is_two_lines_for_its_owner_alone(trail):
    run = record(trail, "begun", entry=ENTRY)["run"]
    record(trail, "ended", run=run, entry={"clickhouse": "26.3.9.1"})
    begun, ended = lines(trail)
    assert (begun["event"], ended["event"]) == ("begun", "ended")
    assert begun["run"] == ended["run"] == run
    assert begun["commit"] == ENTRY["commit"]
    assert ended["seconds"] >= 0
    assert trail.stat().st_mode & 0o777 == 0o600


def test_failure_is_recorded_and_still_a_failure(trail):
    run = record(trail, "begun", entry=ENTRY)["run"]
    answer = record(trail, "failed", run=run, reason="port 8123 is taken")
    assert answer["failed"]
    assert answer["msg"] == "port 8123 is taken"
    assert lines(trail)[-1]["reason"] == "port 8123 is taken"


def test_file_that_others_could_read_is_closed_to_them(trail):
    trail.touch(mode=0o644)
    record(trail, "begun", entry=ENTRY)
    assert trail.stat().st_mode & 0o777 == 0o600


def test_check_mode_records_nothing(trail):
    assert not record(trail, "begun", entry=ENTRY, check=True).get("failed")
    assert record(trail, "failed", run="1", reason="no", check=True)["failed"]
    assert not trail.exists()


def test_host_without_a_deployment_gets_no_folder_for_it(trail, tmp_path):
    absent = tmp_path / "opt" / "history.jsonl"
    assert not record(absent, "begun", entry=ENTRY).get("failed")
    assert record(absent, "failed", run="1", reason="no")["msg"] == "no"
    assert not absent.parent.exists()
    assert record(absent, "read")["lines"] == []


def test_line_cut_off_by_a_kill_is_left_out_and_swallows_no_other(trail):
    record(trail, "begun", entry=ENTRY)
    with trail.open("a") as file:
        file.write('{"run": "half')
    record(trail, "begun", entry=ENTRY)
    answer = record(trail, "read")
    assert len(answer["lines"]) == 2
    assert answer["damaged"] == 1


def test_runs_at_the_same_time_lose_no_line(trail):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: record(trail, "begun", entry={**ENTRY, "n": n}), range(12)))
    assert sorted(line["n"] for line in lines(trail)) == list(range(12))


def test_a_file_that_cannot_be_written_is_named_beside_the_first_failure(trail):
    trail.mkdir()
    message = record(trail, "failed", run="1", reason="port 8123 is taken")["msg"]
    assert "port 8123 is taken" in message
    assert str(trail) in message


def test_lines_are_json_for_other_programs_too(trail):
    record(trail, "begun", entry={**ENTRY, "who": "Анна@desk"})
    assert json.loads(trail.read_text(encoding="utf-8"))["who"] == "Анна@desk"


def test_a_beginning_that_had_no_folder_is_recorded_when_there_is_one(tmp_path):
    trail = tmp_path / "opt" / "history.jsonl"
    begun = record(trail, "begun", entry=ENTRY)
    assert begun["noted"] is False
    trail.parent.mkdir()
    assert record(trail, "begun", run=begun["run"], clock=begun["clock"] - 60, entry=ENTRY)["noted"]
    record(trail, "ended", run=begun["run"])
    first, ended = lines(trail)
    assert first["clock"] == begun["clock"] - 60
    assert first["at"] < ended["at"]
    assert 60 <= ended["seconds"] < 70


def test_a_failure_before_the_beginning_is_told_and_not_recorded(trail):
    assert record(trail, "failed", run="", reason="misspelt")["msg"] == "misspelt"
    assert not trail.exists()
