"""Where rows go: staging, or nowhere in a dry run."""

from datetime import datetime
from typing import Protocol

from zakaz_common.columns import Columns, only, row_count
from zakaz_common.run import RunContext
from zakaz_common.versions import next_scan

from qtickets_api.rows.events import EVENT_KEYS, SHOW_KEYS
from qtickets_api.rows.families import Family
from qtickets_api.transform import MONEY, ORDER_KEYS, TICKET_KEYS

ORDERS = "stg_qtickets_orders"
TICKETS = "stg_qtickets_tickets"
EVENTS = "stg_qtickets_events"
SHOWS = "stg_qtickets_shows"
_UNHASHED = ("revenue_remainder",)  # it changes only with the money it comes from


class Sink(Protocol):
    """Takes orders and events. A read says when it begins, and gets the number its rows are versioned by."""

    def begin_orders(self, server_time: datetime) -> int:
        """A read of orders begins at this time of the API's clock."""

    def begin_events(self, server_time: datetime) -> int:
        """A read of events begins at this time of the API's clock."""

    def orders(self, family: Family) -> None:
        """Take a batch of orders with all their tickets."""

    def events(self, family: Family) -> None:
        """Take a batch of events with all their shows."""


class StagingSink:
    """Upserts into staging: parents, then children.

    A parent that staging holds in a newer version takes its children along: none of them is written.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def begin_orders(self, server_time: datetime) -> int:
        """The number of this read: above every read that staging knows."""
        return next_scan(self._context.warehouse, ORDERS, server_time)

    def begin_events(self, server_time: datetime) -> int:
        """The number of this read: above every read that staging knows."""
        return next_scan(self._context.warehouse, EVENTS, server_time)

    def orders(self, family: Family) -> None:
        """Upsert orders and tickets; tickets that vanished from an order are tombstoned."""
        self._family(family, ORDERS, ORDER_KEYS, TICKETS, TICKET_KEYS)

    def events(self, family: Family) -> None:
        """Upsert events and shows; shows that vanished from an event are tombstoned."""
        self._family(family, EVENTS, EVENT_KEYS, SHOWS, SHOW_KEYS)

    def _family(
        self, family: Family, table: str, keys: tuple[str, ...], child_table: str, child_keys: tuple[str, ...]
    ) -> None:
        context, key = self._context, keys[0]
        context.reject(family.rejected)
        context.degrade(family.degraded)
        parents = context.warehouse.upsert(table, keys, family.parents, kopecks=MONEY)
        context.wrote(table, parents)
        versions = dict(zip(family.parents[key], family.parents["_ver"], strict=True))
        children: Columns = family.children
        if parents.stale_keys:
            for (stale,) in parents.stale_keys:
                del versions[stale]
            children = only(children, [at for at, parent in enumerate(children[key]) if parent in versions])
        written = context.warehouse.upsert(
            child_table, child_keys, children, parents=versions, unhashed=_UNHASHED, kopecks=MONEY
        )
        context.wrote(child_table, written)


class DryRunSink:
    """Counts what would have been sent."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self.would_write: dict[str, int] = dict.fromkeys((EVENTS, SHOWS, ORDERS, TICKETS), 0)

    def begin_orders(self, server_time: datetime) -> int:
        """Any number: nothing is kept."""
        return int(server_time.timestamp())

    begin_events = begin_orders

    def orders(self, family: Family) -> None:
        """Count orders and tickets."""
        self._count(family, ORDERS, TICKETS)

    def events(self, family: Family) -> None:
        """Count events and shows."""
        self._count(family, EVENTS, SHOWS)

    def _count(self, family: Family, parent: str, child: str) -> None:
        self._context.reject(family.rejected)
        self._context.degrade(family.degraded)
        self.would_write[parent] += row_count(family.parents)
        self.would_write[child] += row_count(family.children)
