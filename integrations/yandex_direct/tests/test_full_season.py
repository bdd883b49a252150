"""A whole season of several accounts, in two currencies, beside other advertising: everything to the kopeck."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from api_sandbox.season.cities import city_key
from api_sandbox.season.generator import Season
from api_sandbox.season.moscow_time import day_of, today
from api_sandbox.season.truth import ticket_revenue
from api_sandbox.testing import running_sandbox
from conftest import UNLIMITED, as_setting
from test_against_sandbox import listings_due, rewind
from truth import city_truth, mart_truth, roi_truth, staging_truth, total_spend
from yandex_direct import LOADER

LOGINS = {f"direct-{n}": f"direct-{n}" for n in (1, 2, 3)}


def write_sales(client: Any, season: Season) -> None:
    """Fill dim_events, stg_qtickets_orders (what attribution reads of it) and dm_sales_daily, without their loader."""
    events = [(event.id, city_key(event.city_raw), 1) for event in season.events.values()]
    client.insert("zakaz.dim_events", events, ["event_id", "city", "_ver"])
    marks = ["utm_source", "utm_content"]
    orders = [
        (o.id, o.event_id, int(o.payed), *((o.utm or {}).get(mark, "").lower() for mark in marks), 1)
        for o in season.orders.values()
    ]
    client.insert("zakaz.stg_qtickets_orders", orders, ["order_id", "event_id", "is_paid", *marks, "_ver"])
    days: dict = defaultdict(lambda: [0, 0, Decimal(0)])
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


def assert_everything_equal(loader, season: Season) -> None:
    assert loader.staging() == staging_truth(season, LOGINS)
    loader.assert_campaigns_equal_to(season, LOGINS)
    assert loader.mart() == mart_truth(season)
    assert loader.by_city() == city_truth(season, events_known=True)
    columns = "d, city, revenue, tickets_sold, impressions, clicks, spend"
    roi = {r[:2]: r[2:] for r in loader.rows(f"SELECT {columns} FROM bi.v_marketing_roi_daily") if any(r[2:])}
    assert roi == roi_truth(season)
    [(spend, unattributed)] = loader.rows(
        "SELECT sum(spend), sumIf(spend, city = 'unattributed') FROM bi.v_ads_daily "
        f"WHERE source = '{LOADER}' AND currency = 'RUB'"
    )
    assert spend == total_spend(season)
    assert 0 < unattributed < spend
    assert (
        loader.rows("SELECT * FROM meta.v_reconciliation_daily WHERE difference != 0 AND check_name LIKE 'ads%'") == []
    )


@pytest.mark.patient
@pytest.mark.parametrize(
    ("days", "ads", "orders"), [(60, 120, 500), pytest.param(400, 2000, 3000, marks=pytest.mark.slow)]
)
def test_the_warehouse_equals_the_accounts(bare_loader, days: int, ads: int, orders: int) -> None:
    with running_sandbox(
        orders=orders,
        season_days=days,
        season_end=today(),
        vk_banners=10,
        yandex_direct_accounts=3,
        yandex_direct_ads=ads,
        yandex_direct_wizards=2,
        yandex_direct_smart=1,
        yandex_direct_orders_only_share=0.3,
        yandex_direct_currencies="RUB,RUB,KZT",
        **{**UNLIMITED, "yandex_direct_online_rows": 3000},
    ) as api:
        season = api.season
        loader = bare_loader.having(
            yandex_direct_base_url=f"{api.url}/api/yandex_direct",
            yandex_direct_accounts=as_setting(api, [1, 2, 3]),
            yandex_direct_report_rows=20_000,
            yandex_direct_history_days=1096,
        )
        write_sales(loader.client, season)
        assert loader.run() == 0
        assert_everything_equal(loader, season)
        sold = [key for key, row in roi_truth(season).items() if row[4] and not row[1]]
        assert sold, "days of spend alone"

        api.mutate("revise_yandex_direct_days", days=29)
        api.mutate("grow_yandex_direct_conversions", days=59)
        api.mutate("add_yandex_direct_ads", count=5, days=3)
        rewind(loader, "daily", "weekly")
        listings_due(loader)
        assert loader.run() == 0
        assert_everything_equal(loader, season)

        api.mutate("revise_yandex_direct_days", days=2)
        api.mutate("vanish_yandex_direct_rows", count=5, days=20)
        assert loader.run() == 0
        assert_everything_equal(loader, season)
        assert loader.run() == 0
        assert loader.last_run("rows_written") == (0,)
        assert_everything_equal(loader, season)
