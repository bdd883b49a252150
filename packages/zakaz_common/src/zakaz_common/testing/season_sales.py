"""The sales side of the sandbox's season, written as the Qtickets loader would leave it, without that loader."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from api_sandbox.season.cities import city_key
from api_sandbox.season.generator import Season
from api_sandbox.season.moscow_time import day_of
from api_sandbox.season.truth import ticket_revenue


def write_sales(client: Any, season: Season) -> None:
    """Fill dim_events, stg_qtickets_orders (what attribution reads of it) and dm_sales_daily."""
    events = [(event.id, city_key(event.city_raw), 1) for event in season.events.values()]
    client.insert("zakaz.dim_events", events, ["event_id", "city", "_ver"])
    marks = ["utm_source", "utm_content"]
    orders = [
        (o.id, o.event_id, int(o.payed), *((o.utm or {}).get(mark, "").lower() for mark in marks), 1)
        for o in season.orders.values()
    ]
    client.insert("zakaz.stg_qtickets_orders", orders, ["order_id", "event_id", "is_paid", *marks, "_ver"])
    days: defaultdict[tuple[date, int], list[Any]] = defaultdict(lambda: [0, 0, Decimal(0)])
    for order in season.orders.values():
        if order.payed:
            figures = days[day_of(order.payed_at or order.created_at), order.event_id]
            figures[1] += 1
            for ticket in order.tickets:
                figures[0] += ticket.deleted_at is None and ticket.refunded_at is None
                figures[2] += Decimal(ticket_revenue(ticket)) / 100
    rows = [
        (day, event, "RUB", city_key(season.events[event].city_raw), *figures, Decimal(0), 1)
        for (day, event), figures in days.items()
    ]
    names = ["d", "event_id", "currency", "city", "tickets_sold", "orders", "revenue", "refunded_amount", "_ver"]
    client.insert("zakaz.dm_sales_daily", rows, names)
