"""Read the audit trail of a deployment: its runs, a table of them, and the commit to roll back to."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = """
name: deployment_history
short_description: Read the audit trail of a deployment
description:
  - C(history_runs) joins the lines of C(deployment_history) to runs, newest first.
  - C(history_table) prints runs as a table.
  - C(rollback_target) chooses the run whose commit a rollback goes back to, or fails with the reason there is none.
options:
  _input:
    description: Lines as C(deployment_history) returns them; for the other two, runs.
    type: list
    elements: dict
    required: true
"""

# Deployments that leave the host in the state of a whole commit.
WHOLE = ("deploy", "rollback", "reprovision", "upgrade")
MOSCOW = timezone(timedelta(hours=3))
SHORT = 10


def history_runs(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join beginnings and ends to runs, newest first.

    :param lines: recorded lines, oldest first
    :returns: the beginning's fields with ``result`` (success, failed, or unfinished where no end was written),
        ``seconds``, ``reason`` and what the end adds
    """
    runs: dict[str, dict[str, Any]] = {}
    for line in lines:
        run = runs.setdefault(line["run"], {"result": "unfinished", "seconds": None, "reason": ""})
        ended = line["event"] != "begun"
        # the time of a run is its beginning's
        run.update({key: value for key, value in line.items() if not (ended and key in ("at", "clock") and key in run)})
        if ended:
            run["result"] = "success" if line["event"] == "ended" else "failed"
    return list(reversed(runs.values()))


def history_table(runs: list[dict[str, Any]], damaged: int = 0) -> str:
    """Print runs as a table: when (Moscow), what, commit, result, duration, who, and why it failed."""
    if not runs:
        return "Nothing is recorded yet: the next make deploy is the first line."
    rows = [("when (Moscow)", "verb", "commit", "result", "took", "who", "")]
    for run in runs:
        when = datetime.fromisoformat(run["at"]).astimezone(MOSCOW).strftime("%Y-%m-%d %H:%M")
        took = "" if run["seconds"] is None else f"{run['seconds']:.0f} s"
        rows.append((when, run.get("verb", ""), _commit(run), run["result"], took, run.get("who", ""), run["reason"]))
    widths = [max(len(str(row[column])) for row in rows) for column in range(6)]
    text = ["  ".join([*(str(cell).ljust(w) for cell, w in zip(row, widths, strict=False)), row[6]]) for row in rows]
    notes = ["+ the working tree had changes of its own"] if any(run.get("dirty") for run in runs) else []
    notes += [f"{damaged} damaged lines were left out"] if damaged else []
    return "\n".join(line.rstrip() for line in [*text, *notes])


def _commit(run: dict[str, Any]) -> str:
    return f"{str(run.get('commit', 'unknown'))[:SHORT]}{'+' if run.get('dirty') else ''}"


def rollback_target(runs: list[dict[str, Any]], commit: str = "") -> dict[str, Any]:
    """Choose the deployment to go back to: the newest success of another commit than the last run's.

    :param runs: runs, newest first
    :param commit: the first digits of a commit asked for; empty for the previous one
    :raises AnsibleFilterError: there is none, or it cannot be repeated
    """
    deployments = [run for run in runs if run.get("verb") in WHOLE]
    if not deployments:
        raise AnsibleFilterError("No deployment is recorded on this host, so there is none to go back to.")
    now = deployments[0].get("commit")
    # a run of some tags leaves no whole state behind
    good = [run for run in deployments if run["result"] == "success" and not (run.get("only") or run.get("without"))]
    if commit:
        found = [run for run in good if str(run.get("commit", "")).startswith(commit)]
        if not found:
            raise AnsibleFilterError(f"No deployment of {commit} succeeded on this host; make history lists which did.")
    else:
        found = [run for run in good if run.get("commit") != now]
        if not found:
            raise AnsibleFilterError(
                f"Only {str(now)[:SHORT]} was ever deployed here with success: there is no previous commit."
            )
    whole = [run for run in found if not run.get("dirty") and run.get("commit", "unknown") != "unknown"]
    if not whole:
        raise AnsibleFilterError(
            f"{_commit(found[0])} was deployed from a working tree with uncommitted changes, which cannot be repeated;"
            " name another deployment with TO=, see make history."
        )
    if whole[0] is not found[0]:
        # never further back than asked without a word
        whole[0] = {**whole[0], "skipped": [_commit(run) for run in found[: found.index(whole[0])]]}
    return whole[0]


class FilterModule:
    """Entry point for Ansible."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"history_runs": history_runs, "history_table": history_table, "rollback_target": rollback_target}
