"""The secrets that a host's files hold: which differ from the inventory's, and the files with some of them changed."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = """
name: deployed_secrets
short_description: Say which secrets of a host's files are others than the inventory's
description:
  - P(deployed_secrets#filter) returns, by the name in C(rotate_catalogue), C(same) or C(differs); a secret that no file
    holds is left out. Of a password of ClickHouse the file of users holds the hash.
  - P(with_secrets#filter) returns the files that change, by path, with the named secrets changed and nothing else.
  - P(deployed_secret#filter) returns the value of one secret as the files hold it; empty where they hold its hash
    alone.
options:
  _input:
    description: Texts of the files, by their paths in C(zakaz_dir).
    type: dict
    required: true
"""

# Where passwords of ClickHouse lie, as hashes.
USERS = "clickhouse/users.d/zakaz.xml"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _user(name: str) -> re.Pattern[str]:
    """The hash of a user's password, in what templates/users.xml.j2 of the role clickhouse makes."""
    return re.compile(
        rf"(<{re.escape(name)}>(?:(?!</{re.escape(name)}>).)*?<password_sha256_hex>)([0-9a-f]*)(<)", re.DOTALL
    )


def _setting(path: str, key: str) -> re.Pattern[str]:
    """A setting's value: of a file of variables, its line to the end; of JSON as to_nice_json writes it, its text."""
    if path.endswith(".json"):
        return re.compile(rf'(^ *{re.escape(json.dumps(key))}: )("(?:[^"\\]|\\.)*")(,?$)', re.MULTILINE)
    return re.compile(rf"(^{re.escape(key)}=)(.*)($)", re.MULTILINE)


def _places(entry: Mapping[str, Any], secret: str) -> list[tuple[str, re.Pattern[str], str]]:
    """Where an entry of the catalogue lies: the file, what finds it there, what is to stand there."""
    places = []
    if user := entry.get("user"):
        places.append((USERS, _user(user), _hash(secret)))
        if user == "admin":
            # nobody knows that user's password; it is made of this one
            places.append((USERS, _user("default"), _hash("default" + secret)))
    for path, key in (entry.get("files") or {}).items():
        places.append((path, _setting(path, key), json.dumps(secret) if path.endswith(".json") else secret))
    return places


def deployed_secrets(
    files: Mapping[str, str], catalogue: Mapping[str, Any], wanted: Mapping[str, str]
) -> dict[str, str]:
    """Compare what files hold with what the inventory has.

    :param files: text by path
    :param catalogue: the role's rotate_catalogue
    :param wanted: the inventory's secrets, by the catalogue's names
    :returns: ``same`` or ``differs`` for each secret that a file holds
    """
    verdicts = {}
    for name, entry in catalogue.items():
        found = [
            match[2] == text
            for path, pattern, text in _places(entry, wanted[name])
            if (match := pattern.search(files.get(path, "")))
        ]
        if found:
            verdicts[name] = "same" if all(found) else "differs"
    return verdicts


def deployed_secret(files: Mapping[str, str], entry: Mapping[str, Any]) -> str:
    """The secret of one entry, as a file holds it that holds it itself; empty when none does."""
    for path, key in (entry.get("files") or {}).items():
        if match := _setting(path, key).search(files.get(path, "")):
            return json.loads(match[2]) if path.endswith(".json") else match[2]
    return ""


def with_secrets(
    files: Mapping[str, str], catalogue: Mapping[str, Any], wanted: Mapping[str, str], names: Sequence[str]
) -> dict[str, str]:
    """Change the named secrets, and nothing else.

    :returns: the new texts of the files that hold one of them, by path
    :raises AnsibleFilterError: no file holds one of them
    """
    changed: dict[str, str] = {}
    for name in names:
        found = False
        for path, pattern, text in _places(catalogue[name], wanted[name]):
            before = changed.get(path, files.get(path, ""))
            match = pattern.search(before)
            if match:
                found, changed[path] = True, before[: match.end(1)] + text + before[match.start(3) :]
        if not found:
            raise AnsibleFilterError(f"No file of the host holds {name}. Run make deploy first.")
    return changed


def webhook_signature(body: str, secret: str) -> str:
    """What a webhook is signed with: hex HMAC-SHA1 of the body."""
    return hmac.new(secret.encode(), body.encode(), hashlib.sha1).hexdigest()


class FilterModule:
    """Entry point for Ansible."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            "deployed_secret": deployed_secret,
            "deployed_secrets": deployed_secrets,
            "webhook_signature": webhook_signature,
            "with_secrets": with_secrets,
        }
