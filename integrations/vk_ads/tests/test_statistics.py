"""Calls for statistics: few, complete, and not stopped by one bad id."""

import math
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vk_ads.paging.statistics import IdsRefused, TooManyBadIds, day_spans, read_statistics

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 30)


class Cabinet:
    """Answers statistics for the ids it knows and refuses a call with any other id, like VK."""

    def __init__(self, known: set[int]) -> None:
        self.known = known
        self.calls: list[tuple[int, date, date]] = []

    def fetch(self, ids, first, last):
        self.calls.append((len(ids), first, last))
        if set(ids) - self.known:
            raise IdsRefused("ERR_WRONG_IDS")
        return [msgspec.Raw(b'{"id":%d}' % one) for one in ids]


def read(cabinet, ids, first=FIRST, last=LAST, most_bad=10_000):
    bad: list[int] = []
    slices = list(
        read_statistics(cabinet.fetch, ids, first, last, bad_id=lambda one, code: bad.append(one), most_bad=most_bad)
    )
    return slices, bad


@given(st.sets(st.integers(1, 5000), max_size=900), st.sets(st.integers(1, 5000), max_size=8))
def test_every_good_id_is_read_once_and_every_bad_one_reported(ids, foreign) -> None:
    cabinet = Cabinet(ids - foreign)
    slices, bad = read(cabinet, sorted(ids))
    got = [one for piece in slices for one in piece.ids]
    assert sorted(got) == sorted(ids - foreign)
    assert sorted(bad) == sorted(ids & foreign)
    assert all(count <= 200 for count, _, _ in cabinet.calls)


def test_thirty_days_of_two_thousand_banners_cost_ten_calls() -> None:
    cabinet = Cabinet(set(range(1, 2001)))
    read(cabinet, range(1, 2001))
    assert len(cabinet.calls) == 10


def test_a_bad_id_is_bisected_once_though_the_window_has_several_spans() -> None:
    cabinet = Cabinet(set(range(1, 401)) - {77})
    slices, bad = read(cabinet, range(1, 401), date(2025, 9, 1), LAST)
    assert bad == [77]
    assert {piece.first for piece in slices} == {date(2025, 9, 1), date(2026, 9, 2)}
    assert len(cabinet.calls) <= 2 + 2 + 2 * math.ceil(math.log2(200))


def test_an_account_that_refuses_everything_is_given_up_early() -> None:
    cabinet = Cabinet(set())
    with pytest.raises(TooManyBadIds, match="ERR_WRONG_IDS"):
        read(cabinet, range(1, 2001), most_bad=10)
    assert len(cabinet.calls) < 60


@given(st.dates(date(2020, 1, 1), date(2027, 1, 1)), st.integers(0, 1500))
def test_spans_cover_every_day_once(first, length) -> None:
    last = first + timedelta(days=length)
    days = [a + timedelta(days=n) for a, b in day_spans(first, last) for n in range((b - a).days + 1)]
    assert days == [first + timedelta(days=n) for n in range(length + 1)]
    assert all((b - a).days < 366 for a, b in day_spans(first, last))
