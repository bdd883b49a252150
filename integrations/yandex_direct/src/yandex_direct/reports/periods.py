"""A period in as few reports as can be had: halved where a report is cut at its limit or cannot be built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import structlog
from zakaz_common.errors import DataError
from zakaz_common.moscow import days_between

from yandex_direct.access.refusals import BuildFailed
from yandex_direct.reports.table import Table

log = structlog.get_logger()


class DayTooLarge(DataError):
    """A single day has as many rows as a report may have."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole report: these days (inclusive) and all their rows.

    ``sound`` is False where there are rows of which the day is not known: any day may lack one.
    """

    first: date
    last: date
    table: Table
    sound: bool = True

    def parts(self, most: int) -> Iterator[Answer]:
        """The same by days, oldest first, in parts of at most so many rows, or of a single day.

        Every day is in one of them, those without rows too. Rows of which the day is not known are in the first.
        """
        by_day: dict[date | None, list[tuple[int, str]]] = {}
        cells = self.table.cells
        for row in self.table.rows:
            by_day.setdefault(self._day_of(cells(row[1])[0]), []).append(row)
        sound = None not in by_day and not self.table.broken
        rows, broken, first = by_day.pop(None, []), self.table.broken, self.first
        for day in days_between(self.first, self.last):
            more = by_day.get(day, [])
            if day > first and rows and len(rows) + len(more) > most:
                yield Answer(first, day - timedelta(days=1), Table(cells, rows, broken), sound)
                rows, broken, first = [], [], day
            rows = rows + more if rows else more
        yield Answer(first, self.last, Table(cells, rows, broken), sound)

    def _day_of(self, cell: str) -> date | None:
        try:
            day = date.fromisoformat(cell)
        except ValueError:
            return None
        return day if self.first <= day <= self.last else None


def read_period(build: Callable[[date, date], Table], first: date, last: date, *, limit: int) -> Iterator[Answer]:
    """Every day of [first, last], oldest first, each in one answer.

    Direct leaves out what is beyond the limit without a word: a report with exactly as many rows is not believed.

    Parameters:
        build: (first day, last day) → the report's table; raises BuildFailed.
        limit: rows of a report at most.
    Errors:
        DayTooLarge, or BuildFailed, when a single day is too much.
    """
    days = (last - first).days + 1
    while first <= last:
        end = min(last, first + timedelta(days=days - 1))
        try:
            table = build(first, end)
        except BuildFailed as failure:
            if first == end:
                raise
            reason = str(failure)
        else:
            if table.count < limit:
                yield Answer(first, end, table)
                first = end + timedelta(days=1)
                continue
            reason = f"{table.count} rows are the most a report may have"
            if first == end:
                raise DayTooLarge(
                    f"the report of {first} alone has {table.count} rows, the most it may have: set "
                    "YANDEX_DIRECT_REPORT_ROWS higher (up to 1000000)"
                )
        # What was too much once is not tried again for the days that follow.
        days = ((end - first).days + 2) // 2
        log.info("report_halved", first=first, last=end, days=days, reason=reason)
