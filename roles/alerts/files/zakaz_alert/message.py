"""What people read: what failed, why, since when, and what to do first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone

MOSCOW = timezone(timedelta(hours=3), "MSK")


@dataclass(frozen=True)
class Message:
    """One message of an episode.

    :param event: `firing`, `changed` (it fails still, for another cause), `resolved` or `test`.
    :param subject: what it is about: a unit, or a finding of the watch.
    :param problem: one sentence.
    :param since: when the episode began, seconds since 1970.
    :param at: when this was noticed.
    :param times: how often it was noticed in the episode.
    :param command: the first command to type.
    :param page: where the page is that says what to do.
    """

    event: str
    deployment: str
    host: str
    subject: str
    problem: str
    since: float
    at: float
    times: int = 1
    command: str = ""
    page: str = ""

    @property
    def title(self) -> str:
        """One line: for the subject of a mail."""
        word = {"firing": "FAILED", "changed": "FAILS, for another cause", "resolved": "works again"}.get(
            self.event, self.event
        )
        return f"[{self.deployment} on {self.host}] {self.subject}: {word}"

    @property
    def text(self) -> str:
        """All of it, plain text."""
        lines = [self.title, ""]
        if self.event == "resolved":
            lines += [f"It failed from {_clock(self.since)} to {_clock(self.at)} ({_span(self.at - self.since)}).", ""]
            lines += [f"What had happened: {self.problem}"]
        else:
            lines += [f"What happened: {self.problem}", f"Since: {_clock(self.since)}"]
            lines += [f"First command: {self.command}"] if self.command else []
            lines += [f"What to do: {self.page}"] if self.page else []
        return "\n".join(lines) + "\n"

    def as_dict(self) -> dict[str, object]:
        """For a webhook; `text` is what chat services show."""
        return {**asdict(self), "title": self.title, "text": self.text}


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, MOSCOW).strftime("%Y-%m-%d %H:%M MSK")


def _span(seconds: float) -> str:
    minutes = max(0, round(seconds / 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
