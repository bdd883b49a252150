"""What the audit trail tells an operator, and where a rollback goes."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from filter.deployment_history import history_runs, history_table, rollback_target


def run(name, commit="a" * 40, result="success", **more):
    begun = {
        "run": name, "event": "begun", "at": "2026-11-23T03:05:00+00:00", "clock": 1.0, "verb": "deploy",
        "who": "anna@desk", "commit": commit, "dirty": False, "only": [], "without": [],
    }  # fmt: skip
    end = {"run": name, "event": "ended", "at": "2026-11-23T03:06:00+00:00", "clock": 61.0, "seconds": 60.0}
    if result == "failed":
        end |= {"event": "failed", "reason": "port 8123 is taken", "task": "Check"}
    return [begun | more] + ([] if result == "unfinished" else [end])


def trail(*runs):
    return history_runs([line for lines in runs for line in lines])


def test_table_shows_newest_first_in_moscow_time_with_result_and_reason():
    shown = history_table(trail(run("1", "a" * 40), run("2", "b" * 40, "failed", dirty=True))).splitlines()
    assert shown[1].split() == [
        "2026-11-23", "06:05", "deploy", "bbbbbbbbbb+", "failed", "60", "s", "anna@desk", "port", "8123", "is", "taken",
    ]  # fmt: skip
    assert shown[2].split()[2:5] == ["deploy", "aaaaaaaaaa", "success"]
    assert "changes of its own" in shown[3]


def test_killed_run_shows_as_unfinished():
    assert "unfinished" in history_table(trail(run("1", result="unfinished")))


def test_empty_history_says_so():
    assert "Nothing is recorded" in history_table([])


def test_rollback_goes_to_the_commit_before():
    assert rollback_target(trail(run("1", "a" * 40), run("2", "b" * 40), run("3", "b" * 40)))["commit"] == "a" * 40


def test_rollback_of_a_failed_deployment_goes_to_the_last_good_one():
    runs = trail(run("1", "a" * 40), run("2", "b" * 40), run("3", "c" * 40, "failed"))
    assert rollback_target(runs)["commit"] == "b" * 40
    killed = trail(run("1", "a" * 40), run("2", "b" * 40), run("3", "c" * 40, "unfinished"))
    assert rollback_target(killed)["commit"] == "b" * 40


def test_second_rollback_goes_on_from_where_the_first_arrived():
    runs = trail(run("1", "a" * 40), run("2", "b" * 40), run("3", "a" * 40, verb="rollback"))
    assert rollback_target(runs)["commit"] == "b" * 40


def test_what_is_no_whole_deployment_is_no_target():
    runs = trail(
        run("1", "a" * 40), run("2", "b" * 40, only=["smoke"]), run("3", "c" * 40, verb="rotate"), run("4", "d" * 40)
    )
    assert rollback_target(runs)["commit"] == "a" * 40


def test_upgrade_and_reprovision_leave_a_whole_commit():
    runs = trail(
        run("1", "a" * 40, verb="reprovision"),
        run("2", "b" * 40, verb="upgrade loaders"),
        run("3", "c" * 40, verb="upgrade"),
    )
    assert rollback_target(runs)["commit"] == "a" * 40


def test_uncommitted_deployment_is_passed_over_with_a_word():
    target = rollback_target(trail(run("1", "a" * 40), run("2", "b" * 40, dirty=True), run("3", "c" * 40)))
    assert target["commit"] == "a" * 40
    assert target["skipped"] == ["bbbbbbbbbb+"]


@pytest.mark.parametrize(
    ("runs", "commit", "words"),
    [
        ([], "", "none to go back to"),
        ([run("1")], "", "no previous commit"),
        ([run("1", dirty=True), run("2", "b" * 40)], "", "cannot be repeated"),
        ([run("1"), run("2", "b" * 40)], "f00", "No deployment of f00 succeeded"),
        ([run("1", result="failed"), run("2", "b" * 40)], "aaa", "No deployment of aaa succeeded"),
    ],
)
def test_rollback_without_a_target_says_why(runs, commit, words):
    with pytest.raises(AnsibleFilterError, match=words):
        rollback_target(trail(*runs), commit)


def test_named_commit_is_found_however_far_back():
    runs = trail(run("1", "a" * 40), run("2", "b" * 40), run("3", "c" * 40))
    assert rollback_target(runs, "aaaa")["commit"] == "a" * 40
