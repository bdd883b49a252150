"""A role reads of another only what stands in its face, and every word of a face says what it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.makefile import REPOSITORY

ROLES = sorted(path for path in (REPOSITORY / "roles").iterdir() if path.is_dir())
# the longest name first: clickhouse_schema is not of clickhouse
NAMES = sorted((role.name for role in ROLES), key=len, reverse=True)
FACES = sorted((REPOSITORY / "roles").glob("*/vars/main/face.yml"))
READERS = [
    path
    for folder in ("roles", "playbooks", "molecule")
    for path in sorted((REPOSITORY / folder).rglob("*"))
    if path.suffix in {".yml", ".j2", ".sh"} and path.is_file()
]


def owner(variable: str) -> str | None:
    """The role that a private variable is of."""
    return next((name for name in NAMES if variable.startswith(f"__{name}_")), None)


def private_reads(path: Path, text: str) -> set[str]:
    """Private variables of other roles in a file."""
    parts = path.relative_to(REPOSITORY).parts
    own = parts[1] if parts[0] == "roles" else None
    found = {name: owner(name) for name in re.findall(r"\b__[a-z][a-z0-9_]*", text)}
    return {name for name, role in found.items() if role and role != own}


def test_no_role_or_playbook_reads_what_is_private_to_another():
    found = {path: private_reads(path, path.read_text(encoding="utf-8")) for path in READERS}
    assert {str(path.relative_to(REPOSITORY)): names for path, names in found.items() if names} == {}


def test_the_search_finds_a_private_read():
    path = REPOSITORY / "roles/loader/tasks/run.yml"
    assert private_reads(path, "{{ __clickhouse_schema_login }} {{ __loader_run }}") == {"__clickhouse_schema_login"}


@pytest.mark.parametrize("face", FACES, ids=lambda path: path.parents[2].name)
def test_a_face_is_public_and_each_of_its_names_is_explained(face):
    text = face.read_text(encoding="utf-8")
    names = list(yaml.safe_load(text))
    assert names and all(name.startswith(f"{face.parents[2].name}_") for name in names)
    # a comment stands above it, or above the names it goes with
    for name in names:
        above = text[: re.search(rf"^{name}:", text, re.MULTILINE).start()]
        paragraph = above.rpartition("\n\n")[2]
        assert "#" in paragraph, f"{name} is not explained"


def test_no_task_file_does_nothing():
    """Settings are known without it."""
    idle = [
        str(path.relative_to(REPOSITORY))
        for path in (REPOSITORY / "roles").glob("*/tasks/*.yml")
        if all(task.get("ansible.builtin.meta") == "noop" for task in yaml.safe_load(path.read_text(encoding="utf-8")))
    ]
    assert idle == []
