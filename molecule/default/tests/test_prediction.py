"""What check mode predicts is what the run that follows it changes."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest
from sources import ENABLED

RUNS = [
    json.loads(line) for line in Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "runs.jsonl").read_text().splitlines()
]
CREATED = max(number for number, run in enumerate(RUNS) if run["playbook"] == "create.yml")
CONVERGED = [run for run in RUNS[CREATED:] if run["playbook"] == "converge.yml"]
PREDICTIONS = [(before, after) for before, after in pairwise(CONVERGED) if before["check"] and not after["check"]]

# Predicted or changed by one of the two only, and why.
EXCEPTIONS = {
    (source, f"Load: {source}"): "whether anything new waits is known only after reading the API" for source in ENABLED
}


def tasks(run: dict) -> set[tuple[str, str]]:
    return {(role, task) for role, task in run["changed"]}


# What check mode can look at before there is a Docker Engine and a Python environment.
REACHED_ON_A_FRESH_HOST = {"", "zakaz", "deploy_lock", "preflight", "docker_engine", "target_python"}
# What it cannot look at, as it says, by the state of the host.
OUT_OF_REACH = (
    ("fresh host", set().union(*(run["roles"] for run in CONVERGED)) - REACHED_ON_A_FRESH_HOST),
    ("broken host", {"clickhouse_schema", "smoke", "summary"}),  # they need a ClickHouse that answers
)
CASES = [
    pytest.param(check, real, unreachable, id=host)
    for (check, real), (host, unreachable) in zip(PREDICTIONS, OUT_OF_REACH, strict=False)
]


@pytest.mark.parametrize(("check", "real", "unreachable"), CASES)
def test_check_mode_predicts_what_changes(check, real, unreachable):
    changed = {(role, task) for role, task in tasks(real) if role not in unreachable}
    assert tasks(check) - EXCEPTIONS.keys() == changed - EXCEPTIONS.keys()
    assert changed


@pytest.mark.parametrize(("check", "real", "unreachable"), CASES)
def test_check_mode_reaches_every_other_role(check, real, unreachable):
    assert set(real["roles"]) - set(check["roles"]) <= unreachable
