"""Both pipelines run the same make targets, with the same variables, and CI_RECOMMENDATIONS.md lists them."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.makefile import REPOSITORY, targets

WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))
GITLAB = REPOSITORY / ".gitlab-ci.yml"
# starts a Docker Engine where there is none, which GitHub's runners have
PREPARES = "base-image"


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def combinations(matrix: dict[str, Any]) -> list[dict[str, str]]:
    """Every choice of a matrix, names in capitals as variables have them."""
    names = [name.upper() for name in matrix]
    values = [[value] if isinstance(value, str) else value for value in matrix.values()]
    return [dict(zip(names, choice, strict=True)) for choice in itertools.product(*values)]


def commands(lines: list[str], matrix: dict[str, Any]) -> set[tuple[str, tuple[str, ...]]]:
    """(`make …`, values of the matrix) of every job that a matrix makes."""
    found = set()
    for choice in combinations(matrix):
        for line in lines:
            for words in re.findall(r"(?:^|[;&|)] *)make ([^|;&]+?) *(?:2>&1|[|;&]|$)", line, flags=re.MULTILINE):
                for name, value in choice.items():
                    words = words.replace(f'"${name}"', value).replace(f"${name}", value)
                rest = tuple(sorted(value for value in choice.values() if value not in words))
                found.add((f"make {words}", rest))
    return found


def github() -> dict[str, set]:
    """Job → what it runs."""
    jobs = {}
    for path in WORKFLOWS:
        for name, job in load(path)["jobs"].items():
            lines = [step["run"] for step in job["steps"] if "run" in step]
            jobs[name] = commands(lines, job["strategy"]["matrix"])
    return jobs


def gitlab_jobs() -> dict[str, dict[str, Any]]:
    return {name: job for name, job in load(GITLAB).items() if isinstance(job, dict) and "stage" in job}


def gitlab() -> dict[str, set]:
    """Job → what it runs, without what only starts Docker."""
    jobs = {}
    for name, job in gitlab_jobs().items():
        found = commands(job["script"], job["parallel"]["matrix"][0])
        jobs[name] = {entry for entry in found if entry[0] != f"make {PREPARES}"}
    return jobs


def table() -> set[tuple[str, str, str]]:
    """(stage, job, command) of CI_RECOMMENDATIONS.md."""
    rows = re.findall(
        r"^\| (\w+) \| (\w+) \| `(make [^`]+)` \|",
        (REPOSITORY / "CI_RECOMMENDATIONS.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    return set(rows)


def test_github_and_gitlab_run_the_same_jobs():
    assert github() == gitlab()
    assert len(github()) == 5


def test_every_command_is_a_make_target():
    named = {word for job in github().values() for command, _ in job for word in command.split()[1:]}
    assert named <= targets(), named - targets()
    assert PREPARES in targets()


def test_the_table_lists_what_runs_and_nothing_else():
    run = {(gitlab_jobs()[name]["stage"], name, command) for name, job in gitlab().items() for command, _ in job}
    assert table() == run


def test_what_must_be_in_every_pipeline_is_there():
    stages = load(GITLAB)["stages"]
    assert stages == ["mandatory", "smoke", "nightly", "security"]
    run = {stage: {command for at, _, command in table() if at == stage} for stage in stages}
    assert {
        f"make {name}" for name in ("validate", "compile", "lint", "unit", "images", "molecule", "production-test")
    } <= run["mandatory"]
    assert run["smoke"] == {"make server-test"}
    assert {"make schema-test", "make bench", "make molecule-all"} <= run["nightly"]
    assert {"make audit-dependencies sbom", "make images scan-images", "make scan-secrets"} <= run["security"]


def test_the_smoke_stage_has_the_release_in_use_and_the_pinned_one():
    pinned = load(REPOSITORY / "roles/zakaz/defaults/main/versions.yml")["zakaz_version_clickhouse_server"]
    versions = {version for _, choice in github()["smoke"] for version in choice}
    assert pinned in versions
    assert any(version.startswith("24.8.") for version in versions)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_hold_to_the_least(path):
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 180, name
        more = {right for right, level in job.get("permissions", {}).items() if level == "write"}
        assert more <= ({"security-events"} if name == "security" else set()), name
        uploads = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
        assert uploads[0]["if"] == "always()", name
        assert "reports/" in uploads[0]["with"]["path"], name


@pytest.mark.parametrize(
    "path", [*WORKFLOWS, REPOSITORY / ".github/actions/prepare/action.yml"], ids=lambda path: path.name
)
def test_actions_stand_by_commit_with_their_version_beside(path):
    used = re.findall(r"uses: (\S+)(.*)", path.read_text(encoding="utf-8"))
    assert used
    for action, comment in used:
        if not action.startswith("$/"):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_one_commit_an_action():
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    pins = set(re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40})", text))
    assert len({action for action, _ in pins}) == len(pins)
