"""Other money than roubles is shown beside them and never added, in whatever bi view there is, on every engine."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from zakaz_clickhouse.connection import rows
from zakaz_schema.statements import Statement

from tests.schema.advertising import SOURCE
from tests.schema.engines import Engine
from tests.schema.test_truth import EXACT, load

pytestmark = pytest.mark.patient

# (day, event, currency, tickets, revenue) and (day, ad, city, currency, impressions, clicks, spend): the
# same days, event, city and cabinet as rouble rows of the golden set, and days of their own
SALES = [("2026-01-15", 1, "USD", 3, "300.33"), ("2026-03-01", 1, "EUR", 1, "44.44")]
SPENDS = [
    ("2026-01-15", 50, "москва", "USD", 5000, 50, "55.55"),
    ("2026-01-15", 51, "москва", "USD", 10, 1, "0.45"),
    ("2026-03-01", 51, "", "KZT", 10, 1, "900.00"),
]


def everything(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Rows of every bi view."""
    views = [row["name"] for row in engine.rows("SELECT name FROM system.tables WHERE database = 'bi' ORDER BY name")]
    assert len(views) >= 10
    return {view: rows(engine, f"SELECT * EXCEPT _loaded_at FROM bi.{view} ORDER BY ALL", EXACT) for view in views}


def add_other_money(engine: Engine) -> None:
    for number, (day, event, currency, sold, revenue) in enumerate(SALES, 700):
        engine.execute(
            "INSERT INTO zakaz.dm_sales_daily (d, event_id, currency, city, tickets_sold, orders, revenue, _ver) "
            f"VALUES ('{day}', {event}, '{currency}', 'москва', {sold}, 1, {revenue}, 3)"
        )
        for ticket in range(sold):
            share = Decimal(revenue) / sold
            engine.execute(
                "INSERT INTO zakaz.stg_qtickets_tickets (order_id, ticket_id, event_id, is_paid, sale_date, is_sold, "
                "net_revenue, currency, _ver) VALUES "
                f"({number}, {ticket}, {event}, 1, '{day}', 1, {share}, '{currency}', 1)"
            )
    for day, ad, city, currency, impressions, clicks, spend in SPENDS:
        figures = f"{impressions}, {clicks}, {spend}, '{currency}', 1"
        engine.execute(
            "INSERT INTO zakaz.dm_ads_daily (d, source, account, ad_id, city, impressions, clicks, spend, currency, "
            f"_ver) VALUES ('{day}', '{SOURCE}', 'a', '{ad}', '{city}', {figures})"
        )


def test_no_view_adds_other_money_to_roubles(engine: Engine, schema: list[Statement]) -> None:
    load(engine, schema)
    before = everything(engine)
    add_other_money(engine)
    after = everything(engine)

    shown = {view: [row for row in found if row.get("currency", "RUB") == "RUB"] for view, found in after.items()}
    apart = {view: [row for row in found if row.get("currency", "RUB") == "RUB"] for view, found in before.items()}
    assert shown == apart
    for view, total, expected in (
        ("v_sales_daily", "revenue", money(SALES)),
        ("v_sales_utm_daily", "revenue", money(SALES)),
        ("v_ads_daily", "spend", money(SPENDS)),
        ("v_ads_campaigns_daily", "spend", money(SPENDS)),
    ):
        assert sums(after[view], total) - sums(before[view], total) == expected, view
    [moscow] = [row for row in after["v_ads_daily"] if row["currency"] == "USD"]
    assert (moscow["d"], moscow["city"], moscow["city_name"]) == ("2026-01-15", "москва", "Москва")
    assert [int(moscow[name]) for name in ("impressions", "clicks")] == [5010, 51]


def money(loaded: list[tuple]) -> Counter:
    found: Counter = Counter()
    for row in loaded:
        found[row[2] if row in SALES else row[3]] += Decimal(row[-1])
    return found


def sums(shown: list[dict[str, Any]], column: str) -> Counter:
    found: Counter = Counter()
    for row in shown:
        found[row["currency"]] += Decimal(row[column])
    return found
