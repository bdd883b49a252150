"""What of an episode is kept for good, as rows of meta.etl_alerts.

The notifier runs when everything else is broken, so it only notes the rows in its state; the watch carries them into
ClickHouse when that answers.
"""

from __future__ import annotations

import uuid
from typing import Any

from .message import Message
from .storage import State

# Episodes of a ClickHouse that is away for long: more than these would make the state a burden, so the oldest go.
_MOST_ROWS = 500


def rule_of(page: str) -> str:
    """The rule an alert belongs to: what its page is called."""
    return page.rpartition("/")[2].removesuffix(".md") or "unknown"


def note(state: State, message: Message, rule: str, severity: str) -> None:
    """Keep the episode's row until it is written; a later one of the same episode replaces it."""
    row = _row(message, rule, severity)
    state.unwritten.pop(row["alert_id"], None)
    state.unwritten[row["alert_id"]] = row
    for oldest in list(state.unwritten)[:-_MOST_ROWS]:
        del state.unwritten[oldest]


def alert_id(deployment: str, subject: str, since: float) -> str:
    """The same for all rows of one episode, also of one that an earlier version began."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"zakaz:{deployment}:{subject}:{since!r}"))


def _row(message: Message, rule: str, severity: str) -> dict[str, Any]:
    resolved = message.event == "resolved"
    # a clock that went back must not end an episode before it began
    end = max(message.at, message.since)
    told = [message.problem]
    told += [f"First command: {message.command}"] if message.command else []
    told += [f"What to do: {message.page}"] if message.page else []
    raised = int(message.since * 1000)
    return {
        "alert_id": alert_id(message.deployment, message.subject, message.since),
        "rule": rule,
        "subject": message.subject,
        "severity": severity,
        "status": "resolved" if resolved else "firing",
        "message": "\n".join(told),
        "raised_at": int(message.since),
        "resolved_at": int(end) if resolved else None,
        # another cause replaces the first, and the end replaces both
        "_ver": max(int(end * 1000), raised + (1 if resolved else 0)),
    }
