"""Ends a run whose inventory cannot be used, before its first task: no host is reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: unready_inventory
type: aggregate
short_description: End a run whose inventory cannot be used
description:
  - Ansible warns of a play without a host and ends with 0, as if all had been done.
  - Works with every stdout callback, and needs not be enabled.
"""


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
    others = ", ".join(f"{name} ({', '.join(hosts)})" for name, hosts in sorted(groups.items()) if hosts and name != "all")
    return (
        f"{where} names no host of the group {pattern}. {f'Its groups: {others}. ' if others else ''}"
        "Name your server there as inventories/production/hosts.yml does."
    )


class CallbackModule(CallbackBase):
    """Entry point for Ansible."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "unready_inventory"

    def __init__(self) -> None:
        super().__init__()
        self._play: Any = None

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._play = play

    def v2_playbook_on_no_hosts_matched(self) -> None:
        variables = self._play.get_variable_manager().get_vars(play=self._play)
        sources, limit = context.CLIARGS["inventory"], context.CLIARGS["subset"]
        self._refuse(no_host(",".join(self._play.hosts), list(sources), variables["groups"], limit))

    def _refuse(self, sentence: str) -> NoReturn:
        self._display.error(sentence, wrap_text=False)
        # a callback's exception is a warning to Ansible
        raise SystemExit(1)
