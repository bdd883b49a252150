"""A period in whole reports: halved where one is cut or cannot be built."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from yandex_direct.access.refusals import BuildFailed
from yandex_direct.reports.periods import DayTooLarge, read_period
from yandex_direct.reports.table import Table

FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
DAYS = (LAST - FIRST).days + 1


class Direct:
    """Builds reports of so many rows a day, cut at a limit; a longer one than ``longest`` days fails."""

    def __init__(self, rows: int, limit: int, longest: int = 10_000) -> None:
        self.rows, self.limit, self.longest = rows, limit, longest
        self.asked: list[tuple[date, date]] = []

    def __call__(self, first: date, last: date) -> Table:
        self.asked.append((first, last))
        days = (last - first).days + 1
        if days > self.longest:
            raise BuildFailed("took too long", 502)
        count = min(days * self.rows, self.limit)
        return Table([(n, ("x",)) for n in range(count)], [], count)


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


def test_a_day_that_cannot_be_had_is_an_error() -> None:
    with pytest.raises(BuildFailed):
        list(read_period(Direct(1, 1000, longest=0), FIRST, LAST, limit=1000))
    with pytest.raises(DayTooLarge, match="YANDEX_DIRECT_REPORT_ROWS"):
        list(read_period(Direct(1000, 1000), FIRST, LAST, limit=1000))


def test_an_answer_is_handed_on_before_the_next_is_asked_for() -> None:
    direct = Direct(100, 1000)
    answers = read_period(direct, FIRST, LAST, limit=1000)
    next(answers)
    asked = len(direct.asked)
    next(answers)
    assert len(direct.asked) == asked + 1
