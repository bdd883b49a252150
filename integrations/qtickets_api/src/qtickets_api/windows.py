"""Which orders a run reads."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from zakaz_common.moscow import MOSCOW
from zakaz_common.window import Window

from qtickets_api.records import Order

SETTLING = timedelta(minutes=2)
"""How far a window stays behind the API's clock: rows may still be on their way into its database."""
MOST_AHEAD = timedelta(days=1)
"""How far the API's clock may be ahead of this host's."""


CHANGED, CREATED, EVERYTHING = "changed", "created", "everything"
_COLUMNS = {CHANGED: "updated_at", CREATED: "created_at"}


def conditions(window: Window) -> list[dict[str, Any]]:
    """The filter as the API takes it, times with a colon offset."""
    column = _COLUMNS.get(window.kind)
    if column is None:
        return []
    found = [{"column": column, "operator": "<", "value": window.end.isoformat()}]
    if window.start is not None:
        found.insert(0, {"column": column, "operator": ">=", "value": window.start.isoformat()})
    return found


def holding(window: Window) -> Callable[[Order], bool]:
    """The same filter over a record."""
    if window.kind == CHANGED:
        # One without a readable time is taken: the server holds it for a part of the window.
        return lambda order: order.updated_at is None or window.holds(order.updated_at)
    if window.kind == CREATED:
        return lambda order: window.holds(order.created_at)
    return lambda _: True


def settled(server_time: datetime, host_time: datetime) -> datetime:
    """The end of a run's window: the API's own clock, a little back, where this host's does not contradict it.

    Watermarks never go back: one answer dated a year ahead would end the weekly re-reads for a year.
    """
    return (min(server_time, host_time + MOST_AHEAD) - SETTLING).astimezone(MOSCOW).replace(microsecond=0)


def incremental(watermark: datetime, lookback: timedelta, end: datetime) -> Window:
    """What changed since the watermark, and a lookback before it for changes that came late."""
    return Window(min(watermark, end) - lookback, end, CHANGED)


def everything(end: datetime) -> Window:
    """All orders. It has no filter, so that an order changed while it is read is read all the same."""
    return Window(None, end, EVERYTHING)


def created_between(first: date, last: date) -> Window:
    """Orders created on the Moscow days from `first` to `last`: a column that never changes."""
    return Window.of_days(first, last, CREATED)


def deep_read_due(last_deep: datetime | None, end: datetime, every_days: int) -> bool:
    """Whether everything is to be read again: refunds may not touch `updated_at`, and orders can vanish."""
    return last_deep is None or end - last_deep >= timedelta(days=every_days)
