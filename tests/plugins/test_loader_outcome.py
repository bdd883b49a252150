"""A run of a loader ends in one of five ways, and the deployment says which."""

from __future__ import annotations

import json

import pytest
from filter.loader_outcome import loader_outcome

CUT = {"event": "run_failed", "rows_written": 91_000, "error": "the run's deadline of 1500 s came",
       "interrupted": {"orders_read": 41_300, "orders_total": 123_217}}  # fmt: skip


def ended(code, *lines, stderr=()):
    return {"rc": code, "stdout_lines": [json.dumps(x) if isinstance(x, dict) else x for x in lines],
            "stderr_lines": list(stderr)}  # fmt: skip


@pytest.mark.parametrize(
    ("run", "state"),
    [
        (ended(0, {"rows_written": 3}), "done"),
        (ended(0, {**CUT, "error": ""}), "done"),  # the weekly re-read was cut, the run was not
        (ended(75, CUT), "goes_on"),
        (ended(75, {"error": "another run of ticket_shop is working"}), "try_later"),
        (ended(75), "try_later"),
        (ended(78, {"error": "SHOP_TOKEN is not set"}), "failed"),
        (ended(69, {**CUT, "error": "the API did not answer"}), "failed"),
        (ended(125, "docker: no such image"), "failed"),
        ({"skipped": True, "changed": False}, "skipped"),
        ({}, "skipped"),
    ],
)
def test_the_state_of_a_run(run, state):
    assert loader_outcome(run)["state"] == state


def test_what_goes_on_is_said_with_its_progress():
    found = loader_outcome(ended(75, {"event": "progress"}, CUT))
    assert (found["progress"], found["written"]) == ("41,300 of 123,217 orders", 91_000)
    assert found["result"]["interrupted"]["orders_total"] == 123_217


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (ended(78, {"error": "SHOP_TOKEN is not set"}), "SHOP_TOKEN is not set"),
        (ended(125, "", stderr=["docker: no such image"]), "docker: no such image"),
        (ended(1, "half a li{ne"), "half a li{ne"),
        (ended(1, "[1]"), "[1]"),
        (ended(137), "no output"),
    ],
)
def test_the_sentence_is_the_loaders_own_or_its_last_line(run, sentence):
    found = loader_outcome(run)
    assert (found["error"], found["progress"], found["written"]) == (sentence, "", 0)
