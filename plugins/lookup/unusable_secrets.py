"""Find secrets that would not arrive as they were written: evaluated by Jinja, read as numbers, cut, twice encoded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml
from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.template import is_trusted_as_template
from jinja2 import meta, nodes

DOCUMENTATION = """
name: unusable_secrets
short_description: Say which secrets would not reach their readers byte for byte
description:
  - Looks at every variable that C(meta/argument_specs.yml) of a role marks C(no_log), or a source that is not off, and
    at the passwords of C(clickhouse_users), as they were written and as they are evaluated. A secret is one line of
    printable ASCII without blanks at its ends; keys in PEM and of age may have lines.
  - HTTP headers are Latin-1 and the hash of a password is of UTF-8, files of variables end a value at the line, and
    blanks at its ends are cut by one reader and kept by another.
  - No sentence holds a part of a value.
options:
  _terms:
    description: Folders that hold roles.
    required: true
"""

RETURN = """
_raw:
  description: One sentence for each secret that cannot be used.
  type: list
  elements: str
"""

# Keys in files of their own.
OF_MANY_LINES = {"tls_proxy_key", "backup_age_identity"}
# Parts of a request line.
WITHOUT_BLANKS = {"alerts_webhook_url"}
# Ansible hides a module's password wherever its text is found in an answer; one that short is found by chance.
SHORTEST_PASSWORD = 8

_LOOKUPS = {"lookup", "query", "q"}
# no variables of an inventory, and large
_MAGIC = {"hostvars", "groups", "vars", "environment"}
_JINJA = re.compile(r"\{[{%#]")
_REFERENCE = re.compile(r"\s*\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}\s*")


def secret_names(roles: Path) -> list[str]:
    """Names of all settings that hold a secret.

    :param roles: folder with one folder a role
    :raises AnsibleLookupError: a role's argument_specs.yml cannot be read
    """
    names = []
    for spec in sorted(roles.glob("*/meta/argument_specs.yml")):
        try:
            options = yaml.safe_load(spec.read_text(encoding="utf-8"))["argument_specs"]["main"].get("options") or {}
        except (OSError, yaml.YAMLError) as error:
            raise AnsibleLookupError(f"{spec}: {error}") from error
        names += [name for name, option in options.items() if option.get("no_log") and option["type"] == "str"]
    return names


def written(name: str, variables: Mapping[str, Any]) -> tuple[str, Any]:
    """Follow references to where the value is written: the last variable's name, and its value as it stands there."""
    value, seen = variables.get(name), {name}
    while isinstance(value, str) and is_trusted_as_template(value) and (found := _REFERENCE.fullmatch(value)):
        if found[1] in seen or found[1] not in variables:
            break
        name, value = found[1], variables[found[1]]
        seen.add(name)
    return name, value


def names_read(text: str) -> set[str]:
    """The variables and lookups that a template reads; none when it is no template."""
    try:
        return meta.find_undeclared_variables(jinja2.Environment().parse(text))  # noqa: S701  parsed, never rendered
    except jinja2.TemplateError:
        return set()


def is_reference(text: str, known: Iterable[str] = ()) -> bool:
    """Whether a text is meant as a template: one expression that reads something, or a text around what is known.

    :param known: the names of the inventory's variables
    """
    read = names_read(text)
    if not read or read <= {*known, *_LOOKUPS}:
        return bool(read)
    match jinja2.Environment().parse(text.strip()).body:  # noqa: S701  parsed, never rendered
        case [nodes.Output(nodes=[_])]:
            return True
    return False


def how_written(name: str, text: str, known: Iterable[str] = ()) -> str:
    """What is wrong with a text that Ansible would evaluate; empty when it is a reference, as it should be."""
    if not _JINJA.search(text) or (not name.startswith("vault_") and is_reference(text, known)):
        return ""
    return (
        "holds {{, {% or {#, which Ansible would evaluate: write !unsafe before the quoted value, or choose another"
        + (
            " (a lookup belongs into the variable itself, not into one of the Vault)"
            if name.startswith("vault_")
            else ""
        )
    )


def read_secrets(text: Any, known: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the Vault's variables that a template reads, by whichever way, and that Ansible would evaluate."""
    found: dict[str, str] = {}
    todo, seen = [("", text)], set(_MAGIC)
    while todo:
        name, value = todo.pop()
        if isinstance(value, Mapping):
            todo += [(name, item) for item in value.values()]
        elif isinstance(value, (list, tuple)):
            todo += [(name, item) for item in value]
        elif isinstance(value, str) and is_trusted_as_template(value) and _JINJA.search(value):
            if name.startswith("vault_"):
                found[name] = value
                continue
            read = (names_read(value) & known.keys()) - seen
            seen |= read
            todo += [(other, known[other]) for other in sorted(read)]
    return found


def what_is_wrong(setting: str, value: Any) -> str:
    """What is wrong with an evaluated secret; empty when it arrives byte for byte.

    :param setting: the role's variable that holds it
    """
    if value is None:
        return 'is empty for YAML: write "", or the value'
    if not isinstance(value, str):
        return f"is no text for YAML ({type(value).__name__.removeprefix('_AnsibleTagged').lower()}): put it in quotes"
    many = setting in OF_MANY_LINES
    if not many and ("\n" in value or "\r" in value):
        return "has more than one line: write it on one, without a line end"
    allowed = re.compile(r"[\x20-\x7e]|\n" if many else r"[\x20-\x7e]")
    for position, character in enumerate(value, 1):
        if not allowed.match(character):
            return (
                f"has a character at position {position} that is not printable ASCII: use its letters, digits and signs"
            )
    if not many and value != value.strip(" "):
        return "begins or ends with a blank: leave it out"
    if setting in WITHOUT_BLANKS and " " in value:
        return "holds a blank: write it as %20"
    if setting.startswith("clickhouse_") and 0 < len(value) < SHORTEST_PASSWORD:
        return f"is shorter than {SHORTEST_PASSWORD} characters: choose a longer one"
    return ""


def passwords_of_users(users: Any) -> dict[str, Any]:
    """The passwords of a list of users as it stands in the inventory, each under a name of its own."""
    if not isinstance(users, list):
        return {}
    return {
        f"clickhouse_users[{user.get('name')}].password": user.get("password")
        for user in users
        if isinstance(user, Mapping)
    }


class LookupModule(LookupBase):
    """Entry point for Ansible."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[Any]:
        known = dict(variables or {})
        names = [name for folder in terms for name in secret_names(Path(folder))]
        for source in (known.get("zakaz_source_catalogue") or {}).values():
            # one that is off has none: blanks, too, count as not given
            if self._templar.template(source["is_on"]):
                names += [name for name, option in source["argument_spec"].items() if option.get("no_log")]
        users = passwords_of_users(known.get("clickhouse_users"))
        known.update(users)
        problems: dict[str, str] = {}
        for setting in [*names, *users]:
            if setting not in known:
                continue
            place, text = written(setting, known)
            if place in problems:
                continue
            if problem := self._problem(setting, place, text, known):
                problems[place] = f"{place}{'' if place == setting else f' (for {setting})'} {problem}"
        return list(problems.values())

    def _problem(self, setting: str, place: str, text: Any, known: Mapping[str, Any]) -> str:
        if type(text).__name__ == "EncryptedString":
            try:
                text = text._decrypt()
            except AnsibleError:
                return "cannot be decrypted: its password of the Vault is another"
        if isinstance(text, str) and is_trusted_as_template(text):
            if problem := how_written(place, text, known):
                return problem
            for name, read in read_secrets(text, known).items():
                return f"reads {name}, which {how_written(name, read)}"
            missing = _REFERENCE.fullmatch(text)
            if missing and missing[1].startswith("vault_") and missing[1] not in known:
                # what is not there is told with all else that is empty
                return ""
        try:
            value = self._templar.template(text)
        except AnsibleError:
            # its words would show the text
            return "cannot be evaluated: a variable or lookup that it names is not there"
        return what_is_wrong(setting, value)
