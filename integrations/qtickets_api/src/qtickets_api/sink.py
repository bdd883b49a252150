"""Where rows go: staging, or nowhere in a dry run."""

from typing import Protocol

from zakaz_common.run import RunContext

from qtickets_api import transform
from qtickets_api.transform import EventRows, OrderRows

ORDERS = "stg_qtickets_orders"
TICKETS = "stg_qtickets_tickets"
EVENTS = "stg_qtickets_events"
SHOWS = "stg_qtickets_shows"


class Sink(Protocol):
    """Takes rows of orders and events."""

    def orders(self, rows: OrderRows) -> None:
        """Take a batch of orders with all their tickets."""

    def events(self, rows: EventRows) -> None:
        """Take a batch of events with all their shows."""


class StagingSink:
    """Upserts into staging.

    Tickets before their orders, so that no order is ever seen without its tickets.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def orders(self, rows: OrderRows) -> None:
        """Upsert orders and tickets; tickets that vanished from an order are tombstoned."""
        self._context.reject(rows.rejected)
        warehouse = self._context.warehouse
        tickets = warehouse.upsert(
            TICKETS, transform.TICKET_KEYS, transform.TICKET_COLUMNS, rows.tickets, parents=rows.versions
        )
        self._context.wrote(TICKETS, tickets)
        orders = warehouse.upsert(ORDERS, transform.ORDER_KEYS, transform.ORDER_COLUMNS, rows.orders)
        self._context.wrote(ORDERS, orders)

    def events(self, rows: EventRows) -> None:
        """Upsert events and shows; shows that vanished from an event are tombstoned."""
        self._context.reject(rows.rejected)
        warehouse = self._context.warehouse
        shows = warehouse.upsert(SHOWS, transform.SHOW_KEYS, transform.SHOW_COLUMNS, rows.shows, parents=rows.versions)
        self._context.wrote(SHOWS, shows)
        events = warehouse.upsert(EVENTS, transform.EVENT_KEYS, transform.EVENT_COLUMNS, rows.events)
        self._context.wrote(EVENTS, events)


class DryRunSink:
    """Counts what would have been sent."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self.would_write: dict[str, int] = dict.fromkeys((EVENTS, SHOWS, ORDERS, TICKETS), 0)

    def orders(self, rows: OrderRows) -> None:
        """Count orders and tickets."""
        self._context.reject(rows.rejected)
        self.would_write[ORDERS] += len(rows.orders)
        self.would_write[TICKETS] += len(rows.tickets)

    def events(self, rows: EventRows) -> None:
        """Count events and shows."""
        self._context.reject(rows.rejected)
        self.would_write[EVENTS] += len(rows.events)
        self.would_write[SHOWS] += len(rows.shows)
