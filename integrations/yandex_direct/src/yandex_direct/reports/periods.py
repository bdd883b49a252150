"""A period in as few reports as can be had: halved where a report is cut at its limit or cannot be built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import structlog
from zakaz_common.errors import DataError, LoaderError
from zakaz_common.moscow import days_between

from yandex_direct.access.refusals import BuildFailed
from yandex_direct.reports.table import Table

log = structlog.get_logger()


#: So many days in a row that cannot be had are no bad days: Direct is down, or a setting is wrong.
_BAD_DAYS = 3


class DayTooLarge(DataError):
    """A single day has as many rows as a report may have."""


class DaysMissing(LoaderError):
    """Some days could not be had; the others of their period were."""

    def __init__(self, failures: Mapping[date, LoaderError]) -> None:
        day, first = next(iter(failures.items()))
        super().__init__(f"days that could not be read: {len(failures)}, the first of them {day}: {first}")
        self.exit_code = first.exit_code


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
        DaysMissing, at the end, when single days were too much: the others were answered. The last one's DayTooLarge or
        BuildFailed, at once, when so many in a row were that there is no use in going on.
    """
    days = most = whole = (last - first).days + 1
    missing: dict[date, LoaderError] = {}
    while first <= last:
        end = min(last, first + timedelta(days=days - 1))
        failure: LoaderError
        try:
            table = build(first, end)
            if table.count < limit:
                yield Answer(first, end, table)
                first, days = end + timedelta(days=1), min(2 * days, most)
                continue
            too_much = True
            failure = DayTooLarge(
                f"the report of {first} to {end} has {table.count} rows, the most it may have; where that is a single "
                "day, set YANDEX_DIRECT_REPORT_ROWS higher (up to 1000000)"
            )
        except BuildFailed as error:
            failure, too_much = error, error.too_much
        if first == end:
            missing[first] = failure
            if all(first - timedelta(days=back) in missing for back in range(_BAD_DAYS)):
                raise failure
            log.warning("report_day_missing", day=first, reason=str(failure))
            first, most = first + timedelta(days=1), whole  # what was too much may have been this day
            continue
        days = ((end - first).days + 2) // 2
        if too_much:  # it is not tried again for the days that follow
            most = days
        log.info("report_halved", first=first, last=end, days=days, reason=str(failure))
    if missing:
        raise DaysMissing(missing)
