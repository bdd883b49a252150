"""What a configuration of ClickHouse asks of the server: a restart or none; and what a server that gave up says."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from xml.etree import ElementTree

from ansible.errors import AnsibleFilterError

DOCUMENTATION = """
name: clickhouse_restart_fingerprint
short_description: Digest of what a server reads at its start only
description:
  - Two configurations with the same digest differ at most in what a running server takes over by itself.
options:
  _input:
    description: The files of the configuration, as text.
    type: list
    elements: str
    required: true
  reloaded:
    description: Top-level elements that a running server takes over.
    type: list
    elements: str
    required: true
"""

# an error is a sentence, not a stack
LONGEST = 400


def clickhouse_restart_fingerprint(documents: list[str], reloaded: list[str]) -> str:
    """Return 12 hexadecimal digits that change when the server must be restarted.

    :param documents: XML that the server reads at its start
    :param reloaded: names of top-level elements that it takes over while it runs
    :raises AnsibleFilterError: a document is no XML
    """
    digest = hashlib.sha256()
    for document in documents:
        try:
            root = ElementTree.fromstring(document)  # noqa: S314 our own rendering
        except ElementTree.ParseError as error:
            raise AnsibleFilterError(
                f"The configuration of ClickHouse is no XML ({error})."
                " Mend clickhouse_server_settings or clickhouse_users."
            ) from error
        for element in [child for child in root if child.tag in reloaded]:
            root.remove(element)
        digest.update(ElementTree.canonicalize(ElementTree.tostring(root, "unicode"), strip_text=True).encode())
    return digest.hexdigest()[:12]


def clickhouse_changed_users(before: str, after: str) -> list[str]:
    """Return the users that differ between two files of users, each with what differs.

    :param before: XML, or nothing where there is none yet
    :raises AnsibleFilterError: one of them is no XML
    """
    try:
        old, new = ({user.tag: _parts(user) for user in _users(text)} for text in (before, after))
    except ElementTree.ParseError as error:
        raise AnsibleFilterError(f"The users of ClickHouse are no XML ({error}). Mend clickhouse_users.") from error
    words = []
    # `default` is nobody's: its hash is made of admin's password
    for name in sorted((old | new).keys() - {"default"}):
        if name not in old or name not in new:
            words.append(f"{name} ({'new' if name in new else 'gone'})")
        elif parts := sorted(part for part in old[name] | new[name] if old[name].get(part) != new[name].get(part)):
            words.append(f"{name} ({', '.join('password' if part.startswith('password') else part for part in parts)})")
    return words


def _users(text: str) -> list[ElementTree.Element]:
    users = ElementTree.fromstring(text).find("users") if text.strip() else None  # noqa: S314 our own rendering
    return [] if users is None else list(users)


def _parts(user: ElementTree.Element) -> dict[str, str]:
    return {part.tag: ElementTree.canonicalize(ElementTree.tostring(part, "unicode"), strip_text=True) for part in user}


def clickhouse_last_words(log: list[str]) -> str:
    """Return why a server gave up, in its own words.

    :param log: the last lines of its log: of the server's own form, or JSON of the embedded image
    """
    lines = [line.strip() for line in log if line.strip()]
    spoken = [json_error(line) or server_error(line) for line in lines]
    errors = [text for text in spoken if text]
    return (errors[-1] if errors else " | ".join(lines[-3:]) or "nothing")[:LONGEST]


def json_error(line: str) -> str:
    """Return the error in a line of the embedded image's log; empty when it tells none."""
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return ""
    return str(entry.get("error", "")) if isinstance(entry, dict) else ""


def server_error(line: str) -> str:
    """Return the exception in a line of the server's log, without time, thread, stack and version."""
    # the last is how a Python program ends
    if match := re.search(r"\b(?:DB::Exception|Poco::Exception|Exception)[:.] (.*)|^\w+Error: (.*)", line):
        return re.sub(r",? Stack trace.*| \(version [^)]*\).*", "", match[1] or match[2]).strip()
    return ""


class FilterModule:
    """Entry point for Ansible."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            "clickhouse_changed_users": clickhouse_changed_users,
            "clickhouse_last_words": clickhouse_last_words,
            "clickhouse_restart_fingerprint": clickhouse_restart_fingerprint,
        }
