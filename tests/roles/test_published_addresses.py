"""Wherever a role uses an address that something is published on, it is written as that use wants it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROLES = Path(__file__).parents[2] / "roles"
FORMS = {"published_on", "reached_at", "publish_problem"}


def files() -> list[Path]:
    """What renders: tasks, values and templates of all roles."""
    parts = ("tasks", "vars", "templates")
    return sorted(path for part in parts for path in ROLES.glob(f"*/{part}/**/*") if path.is_file())


def uses() -> list[tuple[str, str]]:
    found = []
    for path in files():
        for text in re.findall(r"\{\{.*?\}\}", path.read_text(encoding="utf-8"), re.DOTALL):
            found += [(path.name, text)] * bool(re.search(r"\b\w+_publish_address\b", text))
    return found


@pytest.mark.parametrize(("file", "text"), uses())
def test_an_address_is_never_used_as_it_was_written(file: str, text: str) -> None:
    for match in re.finditer(r"\b\w+_publish_address\b(?!')", text):
        following = re.match(r"\s*\|\s*(\w+)", text[match.end() :])
        assert following and following[1] in FORMS, f"{file}: {text}"


def test_there_are_as_many_uses_as_there_must_be() -> None:
    assert len(uses()) >= 15


def test_urls_hold_brackets() -> None:
    found = [
        (path.name, text)
        for path in files()
        for text in re.findall(
            r"://(\{\{[^}]*(?:publish_address|connection\.host)[^}]*\}\}):", path.read_text(encoding="utf-8")
        )
    ]
    assert len(found) >= 4
    assert [case for case in found if "in_url" not in case[1]] == []
