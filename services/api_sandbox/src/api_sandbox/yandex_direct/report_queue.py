"""The queue of reports: what is built at once, what waits, what is kept, and how many places there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from api_sandbox.yandex_direct.errors import DirectError, malformed
from api_sandbox.yandex_direct.report_rows import Table

ABSENT = "absent"


@dataclass(slots=True)
class _Entry:
    """A report that was asked for; ``polls`` are the answers 202 still to come, ``table`` is there when it is built."""

    request: Any
    began: float
    polls: int
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """The answer to one request. ``status`` is 200 with the table, 201 or 202 with seconds to wait (None: unsaid)."""

    status: int
    in_queue: int
    table: Table | None = None
    retry_in: str | None = None


class ReportQueue:
    """Reports by user and name. A user is who holds the token: an agency's is one, whichever client it asks for.

    ``clock`` answers seconds; a report of at most ``online_rows`` rows is answered at once, another one after 201 and
    ``polls`` times 202; ``places`` may wait of a user; what is built, at once too, is kept for ``keep_seconds``.
    ``retry_in`` are the values of the header of that name in turn, by comma: any text, or ``absent``.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        online_rows: int,
        polls: int,
        places: int,
        keep_seconds: float,
        retry_in: str,
    ) -> None:
        self.clock = clock
        self.online_rows = online_rows
        self.polls = polls
        self.places = places
        self.keep_seconds = keep_seconds
        self._retry_in: Iterator[str] = cycle(one.strip() for one in retry_in.split(","))
        self._entries: dict[tuple[str, str], _Entry] = {}

    def ask(self, user: str, name: str, request: Any, mode: str, build: Callable[[], Table]) -> Queued:
        """Answer one request. The same name means the same request, else DirectError 4000; a full queue is 9000.

        ``request`` is all that tells one report from another, the cabinet too. A report in mode ``online`` is not kept.
        """
        now = self.clock()
        self._entries = {key: one for key, one in self._entries.items() if now - one.began < self.keep_seconds}
        if mode == "online":
            table = build()
            if len(table.rows) > self.online_rows:
                raise malformed("Отчет не может быть построен в режиме online")
            return Queued(200, self._waiting(user), table)
        entry = self._entries.get((user, name))
        if entry is None:
            if mode == "auto" and len((table := build()).rows) <= self.online_rows:
                self._entries[user, name] = _Entry(request, now, 0, table)
                return Queued(200, self._waiting(user), table)
            if self._waiting(user) >= self.places:
                raise DirectError(9000, f"В очереди не более {self.places} отчетов")
            self._entries[user, name] = _Entry(request, now, self.polls)
            return self._wait(user, 201)
        if entry.request != request:
            raise DirectError(4000, f"Отчет с названием {name} и другими параметрами уже есть")
        if entry.table is None:
            if entry.polls > 0:
                entry.polls -= 1
                return self._wait(user, 202)
            entry.table = build()
            entry.began = now
        return Queued(200, self._waiting(user), entry.table)

    def forget(self) -> None:
        """No report is stored or waits any more."""
        self._entries.clear()

    def _waiting(self, user: str) -> int:
        return sum(key[0] == user and entry.table is None for key, entry in self._entries.items())

    def _wait(self, user: str, status: int) -> Queued:
        retry_in = next(self._retry_in)
        return Queued(status, self._waiting(user), None, None if retry_in == ABSENT else retry_in)
