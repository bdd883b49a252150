"""Commands that pages tell people to type on the host: by a user with sudo, as the pages say."""

from __future__ import annotations

import re

import pytest

from tests.documents.markdown import documents
from tests.makefile import REPOSITORY

PAGES = [path for path in documents() if path.is_relative_to(REPOSITORY / "docs" / "operations")]
# the files of a deployment and Docker's socket are root's, the journal shows nothing to others
PRIVILEGED = re.compile(r"(docker|journalctl|systemctl (?!list-|is-)|/opt/zakaz/\S+)( |$)")


def commands(text: str) -> list[str]:
    """What is in code spans and in blocks of commands."""
    found = re.findall(r"^```sh\n(.*?)^```", text, flags=re.DOTALL | re.M)
    blocks = [line for block in found for line in block.splitlines()]
    return blocks + re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.M))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_needs_root_says_sudo(path):
    bare = [
        command
        for command in commands(path.read_text(encoding="utf-8"))
        if (found := PRIVILEGED.match(command)) and (found[2] == " " or "/opt" not in command)
        # the name of a program is no command
        if " " in command
    ]
    assert not bare, f"{path.name}: say sudo: {'; '.join(bare)}"


def test_the_pages_say_who_types_them():
    text = (REPOSITORY / "docs/operations/README.md").read_text(encoding="utf-8")
    assert "user with sudo" in text
    assert not re.search(r"as root\b", text)
