from datetime import UTC, date, datetime, timedelta

import pytest
from payloads import order, page
from qtickets_api import windows
from qtickets_api.paging.pages import decode_orders
from zakaz_common.moscow import MOSCOW

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=MOSCOW)


def an_order(**changes):
    return decode_orders(page([order(**changes)])).records[0]


def test_a_window_stays_two_minutes_behind_the_servers_clock():
    server = datetime(2026, 11, 20, 9, 0, 30, tzinfo=UTC)
    wanted = datetime(2026, 11, 20, 11, 58, 30, tzinfo=MOSCOW)
    for host in (NOW, NOW - timedelta(hours=23), NOW + timedelta(days=400)):
        assert windows.settled(server, host) == wanted


def test_a_clock_that_is_days_ahead_is_not_followed():
    assert windows.settled(NOW + timedelta(days=400), NOW) == NOW + timedelta(days=1) - windows.SETTLING


def test_an_incremental_window_looks_back_from_the_watermark():
    window = windows.incremental(NOW - timedelta(minutes=30), timedelta(hours=48), NOW)
    assert (window.start, window.end) == (NOW - timedelta(hours=48, minutes=30), NOW)
    assert windows.conditions(window) == [
        {"column": "updated_at", "operator": ">=", "value": "2026-11-18T11:30:00+03:00"},
        {"column": "updated_at", "operator": "<", "value": "2026-11-20T12:00:00+03:00"},
    ]


def test_a_watermark_ahead_of_the_servers_clock_does_not_empty_the_window():
    window = windows.incremental(NOW + timedelta(minutes=10), timedelta(hours=1), NOW)
    assert window.start == NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("updated_at", "inside"),
    [("2026-11-18T11:29:59+03:00", False), ("2026-11-18T11:30:00+03:00", True), ("2026-11-18T08:30:00Z", True),
     ("2026-11-20T11:59:59+03:00", True), ("2026-11-20T12:00:00+03:00", False)],
)  # fmt: skip
def test_the_filter_is_repeated_here_to_the_second(updated_at, inside):
    window = windows.incremental(NOW - timedelta(minutes=30), timedelta(hours=48), NOW)
    assert windows.holding(window)(an_order(updated_at=updated_at)) is inside


@pytest.mark.parametrize(
    ("created_at", "inside"),
    [("2026-10-31T23:59:59+03:00", False), ("2026-10-31T21:00:00Z", True), ("2026-11-02T23:59:59+03:00", True),
     ("2026-11-03T00:00:00+03:00", False)],
)  # fmt: skip
def test_a_backfill_covers_whole_moscow_days(created_at, inside):
    window = windows.created_between(date(2026, 11, 1), date(2026, 11, 2))
    assert windows.holding(window)(an_order(created_at=created_at)) is inside


def test_everything_has_no_filter():
    window = windows.everything(NOW)
    assert windows.conditions(window) == []
    assert windows.holding(window)(an_order())


def test_a_deep_read_is_due_once_in_its_time():
    assert windows.deep_read_due(None, NOW, 7)
    assert not windows.deep_read_due(NOW - timedelta(days=6, hours=23), NOW, 7)
    assert windows.deep_read_due(NOW - timedelta(days=7), NOW, 7)


def test_an_order_without_a_readable_time_of_change_is_taken():
    window = windows.incremental(NOW - timedelta(hours=1), timedelta(0), NOW)
    found = decode_orders(page([order(1, updated_at=None), order(2, updated_at="long ago"), order(3)])).records
    assert [one.id for one in found if windows.holding(window)(one)] == [1, 2]
