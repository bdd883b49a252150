"""What the warehouse must hold, computed from the sandbox's season and from nothing the loader wrote."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from api_sandbox.season.generator import Season
from api_sandbox.season.truth import event_city, roi
from zakaz_common.utm import clean_utm


def _epoch(*names: str) -> list[str]:
    return [f"toUnixTimestamp({name})" for name in names]


STAGING: dict[str, tuple[list[str], list[str]]] = {
    "stg_qtickets_orders": (
        ["order_id"],
        ["event_id", "is_paid", *_epoch("paid_at", "created_at", "updated_at", "deleted_at"), "price",
         "original_price", "currency", "is_reserved", "discount_id", "promo_code_id", "utm_source", "utm_medium",
         "utm_campaign", "utm_content", "utm_term"],
    ),
    "stg_qtickets_tickets": (
        ["order_id", "ticket_id"],
        ["event_id", "show_id", "is_paid", "sale_date", "price", "original_price", "discount_value", "service_fee",
         *_epoch("refunded_at"), "refunded_amount", "refund_deduction", *_epoch("deleted_at"), "is_sold",
         "net_revenue", "currency"],
    ),
    "stg_qtickets_events": (
        ["event_id"],
        ["name", "place_name", "city_id", "city_raw", "city", "timezone", "currency", "is_active",
         *_epoch("created_at", "updated_at", "deleted_at")],
    ),
    "stg_qtickets_shows": (
        ["event_id", "show_id"],
        ["name", *_epoch("starts_at", "finishes_at"), "min_price", "max_price", *_epoch("updated_at", "deleted_at")],
    ),
}  # fmt: skip
"""Table → key columns and the columns that are compared."""


def roubles(kopecks: int | None) -> Decimal | None:
    return None if kopecks is None else Decimal(kopecks) / 100


def _day(seconds: int):
    # Moscow has been three hours ahead of UTC since 2014.
    return datetime.fromtimestamp(seconds + 3 * 3600, UTC).date()


def staging_truth(season: Season) -> dict[str, dict]:
    """Rows of staging by table and key."""
    found: dict[str, dict] = {table: {} for table in STAGING}
    for order in season.orders.values():
        utm = order.utm or {}
        found["stg_qtickets_orders"][order.id,] = (
            order.event_id, int(order.payed), order.payed_at, order.created_at, order.updated_at, order.deleted_at,
            roubles(order.price), roubles(sum(t.original_price for t in order.tickets)), "RUB", 0, order.discount_id,
            order.promo_code_id,
            *(clean_utm(utm.get(f"utm_{name}")) for name in ("source", "medium", "campaign", "content", "term")),
        )  # fmt: skip
        for ticket in order.tickets:
            refunded = ticket.refunded_at is not None
            deleted = ticket.deleted_at is not None
            earned = ticket.price - (ticket.refunded_amount or 0) if refunded else (0 if deleted else ticket.price)
            found["stg_qtickets_tickets"][order.id, ticket.id] = (
                order.event_id, ticket.show_id, int(order.payed), _day(order.payed_at or order.created_at),
                roubles(ticket.price), roubles(ticket.original_price), roubles(ticket.discount),
                roubles(ticket.service_fee), ticket.refunded_at, roubles(ticket.refunded_amount or 0),
                roubles(ticket.refund_deduction or 0), ticket.deleted_at,
                int(order.payed and not deleted and not refunded), roubles(earned if order.payed else 0), "RUB",
            )  # fmt: skip
    for event in season.events.values():
        city = ("", event_city(event), "") if event.without_city else (
            event.city_raw, event_city(event), event.city.timezone,
        )  # fmt: skip
        found["stg_qtickets_events"][event.id,] = (
            event.name, event.place_name, event.city.id, *city, "RUB", int(event.is_active), event.created_at,
            event.updated_at, event.deleted_at,
        )  # fmt: skip
        for show in event.shows:
            found["stg_qtickets_shows"][event.id, show.id] = (
                show.name, show.starts_at, show.finishes_at, *map(roubles, show.shown_prices or (None, None)),
                show.updated_at, show.deleted_at,
            )  # fmt: skip
    return found


def sales_by_city(season: Season) -> dict:
    """(day, city) → tickets sold and revenue, from the sandbox's own recomputation."""
    return {
        (row.d, row.city): (row.tickets_sold, roubles(row.revenue))
        for row in roi(season, advertising=())
        if row.tickets_sold or row.revenue
    }


def shown_sales(rows: Callable[[str], list[tuple]]) -> dict:
    """The same from bi.v_sales_daily."""
    totals: dict[Any, list] = defaultdict(lambda: [0, Decimal(0)])
    for day, city, sold, revenue in rows("SELECT d, city, tickets_sold, revenue FROM bi.v_sales_daily"):
        totals[day, city][0] += sold
        totals[day, city][1] += revenue
    return {key: tuple(value) for key, value in totals.items() if any(value)}
