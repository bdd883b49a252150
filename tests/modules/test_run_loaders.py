"""Loaders run side by side: what each loaded, and a sentence for each that failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.modules.run_module import run_module


@pytest.fixture
def loader(tmp_path: Path):
    """Make a loader's command from the lines of a shell script; returns the module's entry for it."""

    def make(name: str, *lines: str) -> dict[str, Any]:
        command = tmp_path / name
        command.write_text("\n".join(["#!/bin/sh", "set -eu", f"cd {tmp_path}", 'test "$*" = run', *lines, ""]))
        command.chmod(0o755)
        return {"name": name, "command": str(command), "settings": f"/etc/{name}.env", "variables": ["user", "token"]}

    return make


def said(rows_written: int, **more: Any) -> str:
    return "echo starting; echo '" + json.dumps({"rows_written": rows_written, **more}) + "'"


def test_they_run_at_the_same_time(loader):
    meet = "touch {0}.here; timeout 20 sh -c 'until test -e {1}.here; do sleep 0.05; done'"
    loaders = [
        loader("sales", meet.format("sales", "ads"), said(0)),
        loader("ads", meet.format("ads", "sales"), said(3)),
    ]
    done = run_module("run_loaders", loaders=loaders)
    assert done["changed"] and done["loaded"] == {"sales": {"rows_written": 0}, "ads": {"rows_written": 3}}


def test_nothing_written_is_no_change(loader):
    assert not run_module("run_loaders", loaders=[loader("sales", said(0))])["changed"]


def test_each_failure_gets_its_sentence_and_the_others_load(loader):
    loaders = [
        loader("sales", said(0, error="the token was refused."), "exit 78"),
        loader("ads", "echo no network >&2", "exit 69"),
        loader("sheets", said(5)),
    ]
    failed = run_module("run_loaders", loaders=loaders)
    assert failed["failed"] and failed["changed"] and failed["loaded"]["sheets"] == {"rows_written": 5}
    assert failed["msg"] == (
        "sales ended with exit code 78: the token was refused. Mend user or token and deploy again."
        f" ads ended with exit code 69: no network. Try '{loaders[1]['command']} check';"
        " its settings are in /etc/ads.env."
    )


def test_a_run_that_holds_the_lock_is_waited_for(loader):
    waits = loader("sales", "test -e tried || { touch tried; exit 75; }", said(1))
    assert run_module("run_loaders", loaders=[waits])["loaded"] == {"sales": {"rows_written": 1}}


def test_a_run_that_holds_the_lock_for_ever_is_named(loader):
    held = loader("sales", said(0, error="run 7 holds the lock since 08:00"), "exit 75")
    failed = run_module("run_loaders", loaders=[held], busy_seconds=0)
    assert failed["failed"] and "run 7 holds the lock since 08:00" in failed["msg"]


@pytest.mark.parametrize("lines", [["echo done"], ["true"], ["echo '[1]'"]])
def test_an_end_without_a_summary_is_no_success(loader, lines):
    failed = run_module("run_loaders", loaders=[loader("sales", *lines)])
    assert failed["failed"] and "sales ended with exit code 0" in failed["msg"]


def test_a_command_that_is_not_there_is_named(loader):
    missing = {**loader("sales"), "command": "/no/such/command"}
    failed = run_module("run_loaders", loaders=[missing])
    assert failed["msg"] == "sales cannot be run: /no/such/command: No such file or directory."
