"""How units of systemd ended, and whether they will be started again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Another run holds the lock: neither a failure nor a success.
TRY_LATER = "75"
EXIT_CODES = {
    "65": "the source's data is not what it should be",
    "69": "a service it needs does not answer",
    "74": "reading or writing failed",
    "77": "a right is missing",
    "78": "a setting or a credential is wrong",
    "125": "Docker refused to start it",
    "126": "its command cannot be run",
    "127": "its command is missing",
    "137": "it was killed, perhaps for want of memory",
    "143": "it was asked to stop",
    "203": "systemd could not run its command",
}
RESULTS = {
    "timeout": "it ran longer than it may and was ended",
    "oom-kill": "the host ran out of memory",
    "signal": "it was ended by a signal",
    "core-dump": "it crashed",
    "resources": "systemd could not start it for want of resources",
    "start-limit-hit": "it was started too often",
}
_ASKED = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,Result,ExecMainCode,ExecMainStatus,ExecMainStartTimestamp,"
    "ExecMainExitTimestamp,InactiveEnterTimestamp,NextElapseUSecRealtime,FragmentPath"
)

Unit = dict[str, str]


def ask(names: Iterable[str]) -> dict[str, Unit]:
    """What `systemctl show` says of units, by name; empty where there is no systemd."""
    names = list(names)
    if not names:
        return {}
    try:
        # one question: each takes 10 ms. Before 248 there is no such option, and 252 leaves some times as text even so
        for more in (["--timestamp=unix"], []):
            command = ["systemctl", "show", *more, f"--property={_ASKED}", *names]
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
                env={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
            )
            if done.stdout:
                break
    except (OSError, subprocess.TimeoutExpired):
        return {}
    told = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in done.stdout.split("\n\n")]
    return {unit["Id"]: unit for unit in told if unit.get("Id") in names}


def meaning(result: str, status: str) -> str:
    """What the end of a unit means, as `exit code 78: a setting or a credential is wrong`."""
    end = f"exit code {status}" if result in ("exit-code", "success", "") and status.isdigit() else result
    if result in ("signal", "core-dump") and status:
        end = f"{result} {status}"
    words = RESULTS.get(result) or EXIT_CODES.get(status, "")
    return f"{end}: {words}" if words else end


def moment(shown: str) -> float:
    """A timestamp as `@1000` or `Sat 2026-11-28 09:44:56 UTC`, in seconds since 1970; 0 where there is none."""
    try:
        if shown.startswith("@"):
            return float(shown.removeprefix("@"))
        return datetime.strptime(shown.partition(" ")[2], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def missing(unit: Unit) -> str:
    """Say why a unit cannot be started at all; empty when it can."""
    state = unit.get("LoadState", "")
    words = {
        "not-found": "there is no such unit",
        "masked": "it is masked, so nothing starts it",
        "bad-setting": "its file is damaged",
        "error": "its file cannot be read",
    }
    if state == "loaded" and unit.get("FragmentPath") and not Path(unit["FragmentPath"]).exists():
        return "its file is gone, so the next start of the host knows no such unit"
    return words.get(state, "")


def timer_problem(unit: Unit) -> str:
    """Say why a timer will start nothing; empty when it will."""
    if problem := missing(unit):
        return problem
    if unit.get("ActiveState") != "active":
        return f"it is {unit.get('ActiveState') or 'unknown'}"
    if unit.get("UnitFileState") != "enabled":
        return f"it is {unit.get('UnitFileState') or 'not enabled'}, so the next start of the host ends it"
    if unit.get("SubState") == "elapsed":
        return "it will never elapse again"
    return ""


def last_end(unit: Unit) -> dict[str, Any] | None:
    """How the last run ended: ``started``, ``at``, ``failed``, and what it ``means``; None before the first."""
    result, status = unit.get("Result", "success"), unit.get("ExecMainStatus", "0")
    failed = result != "success" or unit.get("ActiveState") == "failed"
    at = moment(unit.get("ExecMainExitTimestamp", ""))
    if failed:
        # what could not even be started has no process that ended
        at = max(at, moment(unit.get("InactiveEnterTimestamp", "")))
    if not at and not failed:
        return None
    if not failed and status == TRY_LATER:
        return None
    started = moment(unit.get("ExecMainStartTimestamp", ""))
    return {"started": started, "at": at, "failed": failed, "means": meaning(result, status) if failed else ""}


def noted_end(file: Path) -> dict[str, Any] | None:
    """The same from what a loader's command notes of every run, also where there is no systemd; None when none is."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        code = str(int(told["exit_code"]))
        end = {"started": float(told["started"]), "at": float(told["ended"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {**end, "failed": code != "0", "means": meaning("exit-code", code) if code != "0" else ""}


def latest(*ends: dict[str, Any] | None) -> dict[str, Any] | None:
    """The last of several ends; of two that are one run's, the first."""
    known = [end for end in ends if end is not None]
    # the command notes its end in the second in which systemd does, or in the one before
    return max(known, key=lambda end: end["at"] + (2 if end is known[0] else 0), default=None)
