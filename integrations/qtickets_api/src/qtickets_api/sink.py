"""Where rows go: staging, or nowhere in a dry run."""

from typing import Protocol

from zakaz_common.run import RunContext

from qtickets_api.transform import (
    EVENT_COLUMNS,
    EVENT_KEYS,
    MONEY,
    ORDER_COLUMNS,
    ORDER_KEYS,
    SHOW_COLUMNS,
    SHOW_KEYS,
    TICKET_COLUMNS,
    TICKET_KEYS,
    FamilyRows,
)

ORDERS = "stg_qtickets_orders"
TICKETS = "stg_qtickets_tickets"
EVENTS = "stg_qtickets_events"
SHOWS = "stg_qtickets_shows"

Table = tuple[str, tuple[str, ...], tuple[str, ...]]


class Sink(Protocol):
    """Takes rows of orders and events."""

    def orders(self, rows: FamilyRows) -> None:
        """Take a batch of orders with all their tickets."""

    def events(self, rows: FamilyRows) -> None:
        """Take a batch of events with all their shows."""


class StagingSink:
    """Upserts into staging: parents, then children.

    A parent that staging holds in a newer version takes its children along: none of them is written.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def orders(self, rows: FamilyRows) -> None:
        """Upsert orders and tickets; tickets that vanished from an order are tombstoned."""
        self._family(rows, (ORDERS, ORDER_KEYS, ORDER_COLUMNS), (TICKETS, TICKET_KEYS, TICKET_COLUMNS))

    def events(self, rows: FamilyRows) -> None:
        """Upsert events and shows; shows that vanished from an event are tombstoned."""
        self._family(rows, (EVENTS, EVENT_KEYS, EVENT_COLUMNS), (SHOWS, SHOW_KEYS, SHOW_COLUMNS))

    def _family(self, rows: FamilyRows, parent: Table, child: Table) -> None:
        context = self._context
        context.reject(rows.rejected)
        parents = context.warehouse.upsert(*parent, rows.parents, kopecks=MONEY)
        context.wrote(parent[0], parents)
        rows.discard(key for (key,) in parents.stale_keys)
        children = context.warehouse.upsert(*child, rows.children, parents=rows.versions, kopecks=MONEY)
        context.wrote(child[0], children)


class DryRunSink:
    """Counts what would have been sent."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self.would_write: dict[str, int] = dict.fromkeys((EVENTS, SHOWS, ORDERS, TICKETS), 0)

    def orders(self, rows: FamilyRows) -> None:
        """Count orders and tickets."""
        self._count(rows, ORDERS, TICKETS)

    def events(self, rows: FamilyRows) -> None:
        """Count events and shows."""
        self._count(rows, EVENTS, SHOWS)

    def _count(self, rows: FamilyRows, parent: str, child: str) -> None:
        self._context.reject(rows.rejected)
        self.would_write[parent] += len(rows)
        self.would_write[child] += rows.child_count
