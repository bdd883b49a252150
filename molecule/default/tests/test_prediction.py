"""What check mode predicts is what the run that follows it changes."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest

RUNS = [
    json.loads(line) for line in Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "runs.jsonl").read_text().splitlines()
]
CREATED = max(number for number, run in enumerate(RUNS) if run["playbook"] == "create.yml")
CONVERGED = [run for run in RUNS[CREATED:] if run["playbook"] == "converge.yml"]
PREDICTIONS = [(before, after) for before, after in pairwise(CONVERGED) if before["check"] and not after["check"]]

# Predicted or changed by one of the two only, and why.
EXCEPTIONS = {
    ("qtickets_api", "Load: qtickets_api"): "whether new orders wait is known only after reading the API",
    ("vk_ads", "Load: vk_ads"): "whether new statistics wait is known only after reading the API",
}


def tasks(run: dict) -> set[tuple[str, str]]:
    return {(role, task) for role, task in run["changed"]}


@pytest.mark.parametrize(("check", "real"), PREDICTIONS, ids=["fresh host", "broken host"][: len(PREDICTIONS)])
def test_check_mode_predicts_what_changes(check, real):
    # On a host without Docker Engine check mode announces the roles that need one, and does not reach them.
    reached = set(check["roles"])
    changed = {(role, task) for role, task in tasks(real) if role in reached}
    assert tasks(check) - EXCEPTIONS.keys() == changed - EXCEPTIONS.keys()
    assert changed


def test_only_a_fresh_host_has_roles_that_check_mode_does_not_reach():
    for number, (check, real) in enumerate(PREDICTIONS):
        unreached = set(real["roles"]) - set(check["roles"])
        assert bool(unreached) == (number == 0), unreached
