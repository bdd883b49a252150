"""Which orders a run reads."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from zakaz_common.moscow import MOSCOW, day_start

from qtickets_api.records import Order

SETTLING = timedelta(minutes=2)
"""How far a window stays behind the API's clock: rows may still be on their way into its database."""
MOST_AHEAD = timedelta(days=1)
"""How far the API's clock may be ahead of this host's."""


@dataclass(frozen=True, slots=True)
class Window:
    """Orders whose `column` lies in [start, end); without a column, all orders."""

    column: Literal["updated_at", "created_at"] | None
    start: datetime | None
    end: datetime

    def conditions(self) -> list[dict[str, Any]]:
        """The filter as the API takes it, times with a colon offset."""
        if self.column is None:
            return []
        found = [{"column": self.column, "operator": "<", "value": self.end.isoformat()}]
        if self.start is not None:
            found.insert(0, {"column": self.column, "operator": ">=", "value": self.start.isoformat()})
        return found

    @property
    def holds(self) -> Callable[[Order], bool]:
        """The same filter over a record."""
        if self.column is None:
            return lambda _: True
        start, end = self.start, self.end
        if self.column == "updated_at":
            return lambda order: (
                # One without a readable time is taken: the server holds it for a part of the window.
                order.updated_at is None or ((start is None or order.updated_at >= start) and order.updated_at < end)
            )
        return lambda order: (start is None or order.created_at >= start) and order.created_at < end


def settled(server_time: datetime, host_time: datetime) -> datetime:
    """The end of a run's window: the API's own clock, a little back, where this host's does not contradict it.

    Watermarks never go back: one answer dated a year ahead would end the weekly re-reads for a year.
    """
    return (min(server_time, host_time + MOST_AHEAD) - SETTLING).astimezone(MOSCOW).replace(microsecond=0)


def incremental(watermark: datetime, lookback: timedelta, end: datetime) -> Window:
    """What changed since the watermark, and a lookback before it for changes that came late."""
    return Window("updated_at", min(watermark, end) - lookback, end)


def everything(end: datetime) -> Window:
    """All orders. It has no filter, so that an order changed while it is read is read all the same."""
    return Window(None, None, end)


def created_between(first: date, last: date) -> Window:
    """Orders created on the Moscow days from `first` to `last`: a column that never changes."""
    return Window("created_at", day_start(first), day_start(last + timedelta(days=1)))


def deep_read_due(last_deep: datetime | None, end: datetime, every_days: int) -> bool:
    """Whether everything is to be read again: refunds may not touch `updated_at`, and orders can vanish."""
    return last_deep is None or end - last_deep >= timedelta(days=every_days)
