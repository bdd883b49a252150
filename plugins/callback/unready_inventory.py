"""Ends a run that cannot be right, before its first task: no host or tag, secrets without a value, an open Vault."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible import context
from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.callback import CallbackBase
from ansible.template import Templar

DOCUMENTATION = """
name: unready_inventory
type: aggregate
short_description: End a run whose inventory cannot be used
description:
  - Ansible warns of a play without a host and ends with 0, as if all had been done.
  - A secret without a value would be found by the first task that needs it, in words that name no file.
  - Works with every stdout callback, and needs not be enabled.
"""

# the documented place of the encrypted values
SECRET = re.compile(r"\bvault_\w+")
SOURCES = sorted((Path(__file__).resolve().parents[2] / "integrations").glob("*/source.yml"))
# whether the secrets of the roles and sources are to be looked for there
IN_VAULT = "zakaz_secrets_in_vault"
# what --tags takes besides the tags of tasks
OF_ANSIBLE = {"all", "always", "never", "tagged", "untagged"}
# no variables of an inventory, and large
# zakaz_source_catalogue only refers to what is a variable itself
MAGIC = {"hostvars", "groups", "vars", "environment", "zakaz_source_catalogue"}


def shortened(path: str | Path) -> str:
    """Return a path as a person would type it: from here, if it is below."""
    resolved = Path(path).absolute()
    return str(resolved.relative_to(Path.cwd())) if resolved.is_relative_to(Path.cwd()) else str(resolved)


def named(source: str) -> str:
    """Name what an inventory is written in: a folder's hosts.yml if it has one.

    :param source: what ``-i`` named
    """
    hosts = Path(source) / "hosts.yml"
    return shortened(hosts if hosts.exists() else source)


def no_host(pattern: str, sources: list[str], groups: dict[str, list[str]], limit: str | None) -> str:
    """Say why a play has no host, and what to do.

    :param pattern: the group the play is for
    :param sources: what ``-i`` named
    :param groups: group → its hosts, without regard to the limit
    :param limit: what ``--limit`` named
    """
    where = " and ".join(map(named, sources))
    members = groups.get(pattern)
    if members and limit:
        return f"--limit {limit} leaves no host of the group {pattern}; {where} names there: {', '.join(members)}."
    others = ", ".join(
        f"{name} ({', '.join(hosts)})" for name, hosts in sorted(groups.items()) if hosts and name != "all"
    )
    return (
        f"{where} names no host of the group {pattern}. {f'Its groups: {others}. ' if others else ''}"
        "Name your server there as inventories/production/hosts.yml does."
    )


def texts(value: Any) -> Iterator[str]:
    """Yield the strings of a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts(item)


def missing_secrets(variables: Mapping[str, Any], templar: Templar) -> dict[str, str]:
    """Map each secret without a value to a variable that is set to it.

    :param variables: a host's variables, not rendered
    :param templar: renders them
    """
    missing: dict[str, str] = {}
    in_vault = boolean(templar.template(variables.get(IN_VAULT, False)), strict=False)
    for name, value in variables.items():
        if name in MAGIC:
            continue
        # asked for only where secrets stand in a Vault, by a flag that reads no secret itself
        if not in_vault and any(IN_VAULT in text for text in texts(value)):
            continue
        absent = [secret for text in texts(value) for secret in SECRET.findall(text) if secret not in variables]
        if absent:
            try:
                templar.template(value)
            except AnsibleUndefinedVariable:
                missing |= dict.fromkeys(absent, name)
            except AnsibleError:
                pass  # what else is wrong with it is told where it is used
    return missing


class _Encrypted:
    """A value that ansible-vault encrypted by itself."""


class _Literal(str):
    """Text that is no template, whatever it holds."""


class _Loader(yaml.SafeLoader):
    """Reads what Ansible reads, without opening anything."""


_Loader.add_constructor("!vault", lambda loader, node: _Encrypted())
_Loader.add_constructor("!vault-encrypted", lambda loader, node: _Encrypted())
_Loader.add_constructor("!unsafe", lambda loader, node: _Literal(node.value))


def _lies_open(value: Any) -> bool:
    if isinstance(value, (Mapping, list)):
        return any(map(_lies_open, value.values() if isinstance(value, Mapping) else value))
    if value is None or isinstance(value, _Encrypted):
        return False
    refers = not isinstance(value, _Literal) and "{{" in str(value)
    return str(value) != "" and not refers


def open_secrets(text: str) -> list[str]:
    """Name the ``vault_…`` variables of a file that anybody can read who reads the file.

    :param text: the file, as it lies there
    """
    if text.startswith("$ANSIBLE_VAULT;"):
        return []
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader with three constructors more
    except yaml.YAMLError:
        return []  # Ansible says where

    def search(value: Any) -> Iterator[str]:
        if isinstance(value, Mapping):
            for name, item in value.items():
                if SECRET.fullmatch(str(name)):
                    if _lies_open(item):
                        yield str(name)
                else:
                    yield from search(item)

    return sorted(search(content))


def open_file(path: Path) -> str | None:
    """Say which secrets of a file lie open, and how to encrypt it; nothing when none does.

    :param path: a file of an inventory
    """
    secrets = open_secrets(path.read_text(encoding="utf-8", errors="replace"))
    if not secrets:
        return None
    file = shortened(path)
    return f"{file} is not encrypted: {', '.join(secrets)}. Encrypt it: .venv/bin/ansible-vault encrypt {file}"


def variable_files(sources: Iterable[str]) -> list[Path]:
    """List the files in which inventories keep variables.

    :param sources: what ``-i`` named
    """
    found = set()
    for source in map(Path, sources):
        folder = source if source.is_dir() else source.parent
        found |= {path for part in ("group_vars", "host_vars") for path in (folder / part).rglob("*")}
        found |= {source} if source.is_file() else set(folder.glob("*.y*ml"))
    return sorted(path for path in found if path.is_file() and path.suffix in ("", ".yml", ".yaml", ".json"))


def expected_vault(files: list[Path], source: str) -> tuple[Path, bool]:
    """Return the file of an inventory that holds its secrets, or should, and whether it is there.

    :param files: the inventory's, from :func:`variable_files`
    :param source: what ``-i`` named
    """
    for path in files:
        if path.stem == "vault":
            return path, True
    folder = Path(source) if Path(source).is_dir() else Path(source).parent
    # Ansible would no longer read group_vars/zakaz.yml beside a folder of that name
    group = "zakaz" if (folder / "group_vars" / "zakaz").is_dir() else "all"
    return folder / "group_vars" / group / "vault.yml", False


def known_tags(playbook: Any) -> set[str]:
    """The tags of all tasks that a playbook names by itself."""
    todo, tags = [block for play in playbook.get_plays() for block in play.compile()], set()
    while todo:
        entry = todo.pop()
        for tag in entry.tags:
            # the one that holds an expression is of the sources, which no play knows yet
            tags |= {file.parent.name for file in SOURCES} | {"sources"} if "{{" in tag else {tag}
        # a block has tasks of its own
        todo += [task for part in ("block", "rescue", "always") for task in getattr(entry, part, None) or []]
    return tags - OF_ANSIBLE


def unknown_tags(asked: Iterable[str], known: set[str]) -> str | None:
    """Say which tags no task has; nothing when all are known.

    :param asked: what ``--tags`` named
    """
    unknown = sorted({tag for entry in asked for tag in entry.split(",")} - known - OF_ANSIBLE)
    if not unknown:
        return None
    there = ", ".join(sorted(known)) or "none"
    return f"--tags {','.join(unknown)}: no task has that tag, so nothing would be done. There are: {there}."


class CallbackModule(CallbackBase):
    """Entry point for Ansible."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "unready_inventory"

    def __init__(self) -> None:
        super().__init__()
        self._play: Any = None

    def v2_playbook_on_start(self, playbook: Any) -> None:
        asked = set(context.CLIARGS["tags"]) - OF_ANSIBLE
        if asked and (sentence := unknown_tags(asked, known_tags(playbook))):
            self._refuse(sentence)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if context.CLIARGS["start_at_task"] and not stats.processed:
            self._refuse(
                f"--start-at-task {context.CLIARGS['start_at_task']}: no task has that name, so nothing was done."
            )

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._play = play
        manager = play.get_variable_manager()
        hosts = manager._inventory.get_hosts(play.hosts)
        known = {host.name: manager.get_vars(play=play, host=host) for host in hosts}
        sources = list(context.CLIARGS["inventory"])
        # a play can say that it asks for none
        without = {name for name, variables in known.items() if not variables.get("zakaz_needs_secrets", True)}
        sentences = self._open(sources, [known[name] for name in known.keys() - without])
        sentences += self._missing(sources, known, without)
        if sentences:
            self._refuse("\n".join(sentences))

    def v2_playbook_on_no_hosts_matched(self) -> None:
        variables = self._play.get_variable_manager().get_vars(play=self._play)
        sources, limit = context.CLIARGS["inventory"], context.CLIARGS["subset"]
        self._refuse(no_host(",".join(self._play.hosts), list(sources), variables["groups"], limit))

    def _open(self, sources: list[str], hosts: list[dict[str, Any]]) -> list[str]:
        if all(boolean(variables.get("zakaz_allow_unencrypted_vault", False), strict=False) for variables in hosts):
            return []
        found = [sentence for path in variable_files(sources) if (sentence := open_file(path))]
        allowed = "Where something else keeps these secret, set zakaz_allow_unencrypted_vault=true."
        return [f"{sentence}. {allowed}" for sentence in found]

    def _missing(self, sources: list[str], known: dict[str, dict[str, Any]], without: set[str]) -> list[str]:
        # secret → a variable that is set to it, and the hosts it is missing for
        wanted: dict[str, tuple[str, list[str]]] = {}
        for host, variables in known.items():
            missing = missing_secrets(variables, Templar(loader=self._play.get_loader(), variables=variables))
            for secret, name in missing.items():
                # a connection's own, such as the password of sudo, is needed by every play
                if host not in without or name.startswith("ansible_"):
                    wanted.setdefault(secret, (name, []))[1].append(host)
        if not wanted:
            return []
        vault, exists = expected_vault(variable_files(sources), sources[-1])
        file = shortened(vault)
        if not exists:
            # the folder of an inventory of ours, which the Makefile knows by its name
            ours = re.fullmatch(r"inventories/([^/]+)/group_vars/zakaz/vault\.yml", file)
            create = f".venv/bin/ansible-vault create {file}, with all of them"
            make = f"make vault INVENTORY={ours[1]}" if ours else create
            return [f"{file} is missing, and with it {', '.join(sorted(wanted))}. Make it: {make}."]
        spare = self._spare(known)
        told = []
        for secret, (name, hosts) in sorted(wanted.items()):
            of = f" for {', '.join(hosts)}" if len(hosts) < len(known) else ""
            near = difflib.get_close_matches(secret, spare, n=1, cutoff=0.8)
            meant = f"; is {near[0]} meant?" if near else "."
            told.append(f"{secret} has no value{of} ({name} is set to it){meant}")
        return [*told, f"Mend it: .venv/bin/ansible-vault edit {file}"]

    @staticmethod
    def _spare(known: dict[str, dict[str, Any]]) -> set[str]:
        """Secrets that nothing is set to: misspelt ones, maybe."""
        spare = set()
        for variables in known.values():
            values = [value for name, value in variables.items() if name not in MAGIC]
            spare |= set(filter(SECRET.fullmatch, variables)) - set(SECRET.findall(" ".join(texts(values))))
        return spare

    def _refuse(self, sentence: str) -> None:
        self._display.error(sentence, wrap_text=False)
        # a callback's exception is a warning to Ansible
        raise SystemExit(1)
