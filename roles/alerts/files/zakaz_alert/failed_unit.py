"""What systemd and the journal know about a unit that has just ended."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from zakaz_host.units import TRY_LATER, meaning

# A message is read on a telephone.
_LONGEST = 600


@dataclass(frozen=True)
class Ended:
    """How a unit ended.

    :param result: systemd's word for it; `success` when it worked.
    :param status: exit status or the signal's name.
    :param invocation: id of the run, by which the journal finds its lines.
    """

    result: str
    status: str
    invocation: str

    @property
    def worked(self) -> bool:
        return self.result == "success"

    @property
    def says_nothing(self) -> bool:
        """It neither worked nor failed."""
        return self.worked and self.status == TRY_LATER


def how_it_ended(unit: str, environment: Mapping[str, str] = os.environ) -> Ended:
    """Ask systemd, which passes the answer to units it starts by OnFailure= and OnSuccess= (since 251)."""
    if environment.get("MONITOR_UNIT") == unit:
        result, status = environment.get("MONITOR_SERVICE_RESULT", ""), environment.get("MONITOR_EXIT_STATUS", "")
        return Ended(result, status, environment.get("MONITOR_INVOCATION_ID", ""))
    shown = _output("systemctl", "show", unit, "--property=Result,ExecMainStatus,InvocationID")
    told = dict(line.partition("=")[::2] for line in shown.splitlines())
    return Ended(told.get("Result") or "unknown", told.get("ExecMainStatus", ""), told.get("InvocationID", ""))


def why_it_failed(unit: str, ended: Ended) -> str:
    """One sentence: the last error the unit wrote, and what its exit code means."""
    _output("journalctl", "--sync")  # what the unit wrote last may still be on its way
    journal = _journal(f"_SYSTEMD_INVOCATION_ID={ended.invocation}") if ended.invocation else ""
    # journald does not know any more which invocation wrote, when the unit has ended before it asked
    journal = journal or _journal(f"--unit={unit}", *_since_its_start(unit))
    said = last_error(journal.splitlines())
    return f"{said or 'it left no word in the journal'} ({meaning(ended.result, ended.status)})"


def forget_failure(unit: str) -> None:
    """So that systemd does not list it as failed until its next run; a unit that is none is no trouble."""
    _output("systemctl", "reset-failed", unit)


def _journal(*wanted: str) -> str:
    return _output("journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=200", *wanted)


def _since_its_start(unit: str) -> list[str]:
    """So that the words of an earlier run are not taken for this one's."""
    shown = _output("systemctl", "show", unit, "--property=ExecMainStartTimestamp", "--timestamp=unix")
    _, _, started = shown.strip().partition("=")
    return [f"--since={started}"] if started.startswith("@") else []


def last_error(lines: list[str]) -> str:
    """The last error among journal lines: the `error` of a JSON line, or else the last line there is."""
    for line in reversed(lines):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and record.get("error"):
            return _short(str(record["error"]))
    plain = [line.strip() for line in lines if line.strip() and not line.startswith("{")]
    return _short(plain[-1]) if plain else ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
