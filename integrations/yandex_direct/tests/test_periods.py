"""A period in whole reports: halved where one is cut or cannot be built."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, timedelta

import pytest
from yandex_direct.access.refusals import BuildFailed
from yandex_direct.reports.periods import Answer, DaysMissing, DayTooLarge, read_period
from yandex_direct.reports.table import Table

FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
DAYS = (LAST - FIRST).days + 1


def split(line: str) -> tuple[str, ...]:
    return tuple(line.split())


class Direct:
    """Builds reports of so many rows a day, cut at a limit.

    A longer one than ``longest`` days fails, one with a ``bad`` day, and the first ``outage`` ones, by a gateway.
    """

    def __init__(
        self, rows: int, limit: int, longest: int = 10_000, bad: Collection[date] = (), outage: int = 0
    ) -> None:
        self.rows, self.limit, self.longest, self.bad, self.outage = rows, limit, longest, bad, outage
        self.asked: list[tuple[date, date]] = []

    def __call__(self, first: date, last: date) -> Table:
        self.asked.append((first, last))
        days = (last - first).days + 1
        if len(self.asked) <= self.outage:
            raise BuildFailed("a gateway's page", too_much=False)
        if days > self.longest or any(first <= day <= last for day in self.bad):
            raise BuildFailed("took too long", too_much=True)
        count = min(days * self.rows, self.limit)
        return Table(split, [(n, "x") for n in range(count)], [], count)


def days_of(answers) -> list[date]:
    return [one.first + timedelta(days=n) for one in answers for n in range((one.last - one.first).days + 1)]


EVERY_DAY = [FIRST + timedelta(days=n) for n in range(DAYS)]


def test_one_report_is_enough_where_it_is_whole() -> None:
    direct = Direct(10, 1000)
    assert days_of(read_period(direct, FIRST, LAST, limit=1000)) == EVERY_DAY
    assert direct.asked == [(FIRST, LAST)]


@pytest.mark.parametrize("rows", [12, 100, 400, 999])
def test_a_report_of_exactly_the_limit_is_not_believed(rows: int) -> None:
    direct = Direct(rows, 1000)
    answers = list(read_period(direct, FIRST, LAST, limit=1000))
    assert days_of(answers) == EVERY_DAY
    assert all(one.table.count == rows * ((one.last - one.first).days + 1) < 1000 for one in answers)


def test_what_was_too_much_once_is_not_tried_again() -> None:
    direct = Direct(100, 1000)
    answers = list(read_period(direct, FIRST, LAST, limit=1000))
    assert len(direct.asked) == len(answers) + 4, "90, 45, 23 and 12 days were too many"


@pytest.mark.parametrize("longest", [1, 2, 7, 45])
def test_a_report_that_takes_too_long_is_asked_for_by_halves(longest: int) -> None:
    answers = list(read_period(Direct(1, 1000, longest), FIRST, LAST, limit=1000))
    assert days_of(answers) == EVERY_DAY


def test_an_outage_leaves_no_short_reports_behind() -> None:
    direct = Direct(1, 1000, outage=6)
    answers = list(read_period(direct, FIRST, LAST, limit=1000))
    assert days_of(answers) == EVERY_DAY
    assert [(one.last - one.first).days + 1 for one in answers] == [2, 4, 8, 16, 32, 28]


def taken(answers, kind: type[Exception]) -> tuple[list[date], Exception]:
    """The days of the answers that came before an error, and the error."""
    found = []
    with pytest.raises(kind) as error:
        for one in answers:
            found += days_of([one])
    return found, error.value


@pytest.mark.parametrize("bad", [[10], [10, 11], [0], [DAYS - 1], [10, 40, 42]])
def test_a_day_that_cannot_be_had_holds_no_other_up(bad: list[int]) -> None:
    days = [EVERY_DAY[n] for n in bad]
    direct = Direct(1, 1000, bad=days)
    found, error = taken(read_period(direct, FIRST, LAST, limit=1000), DaysMissing)
    assert found == [day for day in EVERY_DAY if day not in days]
    assert str(error) == f"days that could not be read: {len(days)}, the first of them {days[0]}: took too long"
    assert getattr(error, "exit_code") == 69  # noqa: B009
    assert len(direct.asked) < 45, "what was too much was the day"


@pytest.mark.parametrize(
    ("direct", "kind"), [(Direct(1, 1000, longest=0), BuildFailed), (Direct(1000, 1000), DayTooLarge)]
)
def test_three_days_in_a_row_are_the_end(direct: Callable[[date, date], Table], kind: type[Exception]) -> None:
    found, error = taken(read_period(direct, FIRST, LAST, limit=1000), kind)
    assert found == []
    assert direct.asked[-1] == (EVERY_DAY[2], EVERY_DAY[2])  # type: ignore[attr-defined]
    assert kind is BuildFailed or "YANDEX_DIRECT_REPORT_ROWS" in str(error)


def test_an_answer_is_handed_on_before_the_next_is_asked_for() -> None:
    direct = Direct(100, 1000)
    answers = read_period(direct, FIRST, LAST, limit=1000)
    next(answers)
    asked = len(direct.asked)
    next(answers)
    assert len(direct.asked) == asked + 1


def row(day: int, what: str = "x") -> tuple[int, str]:
    return day, f"2026-01-{day:02} {what}"


def parts(*rows: tuple[int, str], most: int, broken=()) -> list[tuple[int, int, int, int, bool]]:
    """First and last day, rows, broken ones and soundness of each part of a report of ten days."""
    answer = Answer(date(2026, 1, 1), date(2026, 1, 10), Table(split, list(rows), list(broken)))
    return [
        (one.first.day, one.last.day, len(one.table.rows), len(one.table.broken), one.sound)
        for one in answer.parts(most)
    ]


def test_an_answer_is_landed_by_days_in_parts_of_so_many_rows() -> None:
    # days without rows are in a part too: what was there is gone
    assert parts(row(9), row(2), row(3), row(3), most=2) == [
        (1, 2, 1, 0, True),
        (3, 8, 2, 0, True),
        (9, 10, 1, 0, True),
    ]
    assert parts(*(row(5) for _ in range(7)), row(1), row(6), most=3) == [
        (1, 4, 1, 0, True), (5, 5, 7, 0, True), (6, 10, 1, 0, True),
    ]  # fmt: skip
    assert parts(row(2), row(3), most=100) == [(1, 10, 2, 0, True)]
    assert parts(most=1) == [(1, 10, 0, 0, True)]


def test_rows_of_no_day_are_in_one_part_and_leave_no_other_sound() -> None:
    strange = (12, "2026-02-30 x")
    found = parts(row(2), strange, (13, "2026-01-11 x"), row(7), most=2)
    assert [one[4] for one in found] == [False] * len(found)
    assert sum(one[2] for one in found) == 4
    assert found[0][2] >= 2
    found = parts(row(2), row(7), most=1, broken=[(5, 3)])
    assert [one[3:] for one in found] == [(1, False), (0, False)]
