"""The one text an operator reads when a task fails."""

from __future__ import annotations

from types import SimpleNamespace

from callback.phases import HIDDEN, CallbackModule, failure_text


def test_sentence_of_the_module_is_shown():
    assert failure_text({"msg": "port 8123 is taken"}) == "port 8123 is taken"


def test_last_lines_of_a_failed_command_are_shown():
    result = {
        "msg": "non-zero return code",
        "rc": 1,
        "stdout": "\n".join(map(str, range(30))),
        "stderr": "no space left",
    }
    lines = failure_text(result).splitlines()
    assert lines[0] == "non-zero return code"
    assert lines[-1] == "no space left"
    assert len(lines) == 16


def test_failed_items_of_a_loop_are_shown_and_the_others_not():
    result = {
        "msg": "One or more items failed",
        "results": [{"failed": True, "msg": "a"}, {"failed": False, "msg": "b"}],
    }
    assert failure_text(result) == "a"


def test_result_that_was_asked_to_stay_hidden_stays_hidden():
    assert failure_text({"_ansible_no_log": True, "msg": "password=1"}) == HIDDEN


def test_traceback_is_reduced_to_its_last_line():
    text = failure_text({"msg": "Traceback (most recent call last):\n  File x\nValueError: 7 days", "exception": "..."})
    assert text == "ValueError: 7 days"


def test_a_warning_carries_its_host_where_there_are_several(capsys):
    callback = CallbackModule()
    task = SimpleNamespace(action="command")

    def answer(host):
        callback.v2_runner_on_ok(
            SimpleNamespace(
                result={"warnings": ["out of date"]}, task=task, host=SimpleNamespace(get_name=lambda: host)
            )
        )

    callback._hosts = ["b", "a"]
    callback._turns = ["b", "a"]
    answer("a")
    assert capsys.readouterr().out == ""
    answer("b")
    assert capsys.readouterr().out == "[WARNING]: [b] out of date\n[WARNING]: [a] out of date\n"

    # the next task is none of b's: what a said of it is told when it ends
    callback._end_task()
    answer("a")
    assert capsys.readouterr().out == ""
    callback._end_task()
    assert capsys.readouterr().out == "[WARNING]: [a] out of date\n"


def test_failure_that_a_rescue_raises_again_is_told_once(capsys):
    callback = CallbackModule()

    def fail(text, host="localhost"):
        callback.v2_runner_on_failed(SimpleNamespace(result={"msg": text}, host=SimpleNamespace(get_name=lambda: host)))

    for text in ("port 8123 is taken", "port 8123 is taken", "disk is full"):
        fail(text)
    fail("disk is full", "other")
    told = capsys.readouterr().out
    assert told.count("port 8123 is taken") == 1
    assert told.count("disk is full") == 2
