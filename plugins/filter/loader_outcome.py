"""How a run of a loader ended, from its exit code and the last line it printed."""

from __future__ import annotations

import json
from typing import Any

DOCUMENTATION = """
name: loader_outcome
short_description: Say how a run of a loader ended
description:
  - Takes the registered result of a loader's command, which prints JSON lines and ends with the codes of sysexits(3).
  - Returns RV(state) C(skipped), C(done), C(try_later) when another run holds the lock or a limit has to pass,
    C(goes_on) when the run's deadline cut a long read that the next run takes up, or C(failed); RV(result), what the
    last line says; RV(written), the rows written; RV(error), the loader's own sentence; and RV(progress), such as
    C(41,300 of 123,217 orders).
options:
  _input:
    description: Result of ansible.builtin.command.
    type: dict
    required: true
"""

TRY_LATER = 75


def loader_outcome(run: dict[str, Any]) -> dict[str, Any]:
    """State, last line, rows written, error and progress of a run."""
    lines = [*(run.get("stdout_lines") or []), *(run.get("stderr_lines") or [])]
    result = _last_line(run.get("stdout_lines") or [])
    return {
        "state": _state(run, result),
        "result": result,
        "written": result.get("rows_written") or 0,
        "error": result.get("error") or (lines[-1] if lines else "no output"),
        "progress": _progress(result.get("interrupted") or {}),
    }


def _last_line(lines: list[str]) -> dict[str, Any]:
    try:
        found = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _state(run: dict[str, Any], result: dict[str, Any]) -> str:
    if run.get("skipped") or "rc" not in run:
        return "skipped"
    if run["rc"] == 0:
        return "done"
    if run["rc"] != TRY_LATER:
        return "failed"
    return "goes_on" if result.get("interrupted") else "try_later"


def _progress(interrupted: dict[str, Any]) -> str:
    if not interrupted:
        return ""
    return f"{interrupted['orders_read']:,} of {interrupted['orders_total']:,} orders"


class FilterModule:
    """Entry point for Ansible."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"loader_outcome": loader_outcome}
