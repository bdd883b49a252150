from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zakaz_common.moscow import (
    MOSCOW,
    day_start,
    days_between,
    moscow_day,
    parse_http_date,
    parse_time,
    unix_seconds,
)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-01-31T22:30:00Z", date(2026, 2, 1)),
        ("2026-01-31T22:30:00+03:00", date(2026, 1, 31)),
        ("2026-02-01T02:59:59+07:00", date(2026, 1, 31)),
        ("2026-01-31 23:59:59", date(2026, 1, 31)),
        ("2013-06-30T20:30:00Z", date(2013, 7, 1)),  # Moscow was at +04:00 then
    ],
)
def test_a_moment_belongs_to_its_moscow_day(text, day):
    assert moscow_day(parse_time(text)) == day


def test_a_time_without_offset_is_moscow_time():
    assert parse_time("2026-11-03 10:00:00") == parse_time("2026-11-03T07:00:00Z")


@pytest.mark.parametrize("text", ["0000-00-00 00:00:00", "", "yesterday", "1970-01-01T00:00:00Z", "2200-01-01"])
def test_what_is_no_time_of_the_warehouse_is_refused(text):
    with pytest.raises(ValueError):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0001-01-01T00:00:00+03:00", -62_135_607_600), ("9999-12-31T23:59:59-01:00", 253_402_304_399)],
)
def test_a_moment_beyond_the_years_of_utc_has_seconds_all_the_same(text, seconds):
    now = datetime(2026, 11, 3, tzinfo=MOSCOW)
    assert unix_seconds([datetime.fromisoformat(text), now]) == [seconds, int(now.timestamp())]


def test_a_naive_datetime_has_no_day():
    with pytest.raises(ValueError, match="without a zone"):
        moscow_day(datetime(2026, 1, 1))


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:00:00+00:00"])
def test_a_moment_at_the_end_of_the_calendar_has_no_moscow_day(text):
    with pytest.raises(ValueError, match="no Moscow day: the calendar ends there"):
        moscow_day(datetime.fromisoformat(text))


@given(st.datetimes(datetime(2015, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_a_day_starts_at_its_own_midnight(moment):
    day = moscow_day(moment)
    assert day_start(day) <= moment < day_start(day + timedelta(days=1))


def test_days_between_holds_both_ends():
    assert list(days_between(date(2026, 2, 27), date(2026, 3, 1))) == [
        date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1),
    ]  # fmt: skip


def test_http_date():
    assert parse_http_date("Mon, 23 Nov 2026 03:00:00 GMT") == datetime(2026, 11, 23, 6, tzinfo=MOSCOW)
    assert parse_http_date("soon") is None
    assert parse_http_date(None) is None


moments = st.datetimes(
    datetime(1960, 1, 1), datetime(2150, 1, 1), timezones=st.sampled_from([UTC, MOSCOW, timezone(timedelta(hours=7))])
)


@given(st.lists(st.one_of(moments, moments.map(lambda moment: moment.replace(microsecond=0))), max_size=40))
def test_seconds_of_many_moments_are_those_of_each(found):
    assert unix_seconds(found) == [int(moment.timestamp()) for moment in found]


@pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])
def test_seconds_of_any_number_of_moments(count):
    start = datetime(2026, 11, 1, 10, tzinfo=MOSCOW)
    found = [start + timedelta(seconds=number) for number in range(count)]
    assert unix_seconds(found) == list(range(int(start.timestamp()), int(start.timestamp()) + count))
