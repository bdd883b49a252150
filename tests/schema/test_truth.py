# ruff: noqa: E501
"""The bi views against an independent recomputation, before and after merges, on every engine."""

from __future__ import annotations

import importlib
import sys
from datetime import date
from decimal import Decimal

import pytest
from zakaz_clickhouse.connection import rows
from zakaz_clickhouse.literals import quote
from zakaz_schema.converge import Options, converge
from zakaz_schema.statements import Statement

from tests.schema import golden
from tests.schema.advertising import SOURCE
from tests.schema.engines import REPOSITORY, Engine
from tests.sources import SALES

pytestmark = pytest.mark.patient

EXACT = {"output_format_json_quote_decimals": 1, "output_format_json_quote_64bit_integers": 1}


def loaders_sales_query() -> str:
    """The SELECT the loader of sales computes their mart with: the staging side of the truth."""
    for folder in (f"integrations/{SALES}", "packages/zakaz_common"):
        sys.path.insert(0, str(REPOSITORY / folder / "src"))
    mart = importlib.import_module(f"{SALES}.mart")

    class Captured:
        query = ""

        def name(self, table: str) -> str:
            return f"zakaz.{table}"

        def replace_mart_days(self, table: str, keys: object, values: object, query: str, **_: object) -> int:
            self.query = query
            return 0

    captured = Captured()
    mart.refresh_sales(captured)
    return captured.query


def load(engine: Engine, schema: list[Statement]) -> None:
    """Every version inserted on its own, so that nothing is merged by the insert itself."""
    converge(schema, engine, engine.replay, Options())
    for table in ("stg_qtickets_tickets", "dm_ads_daily", "dim_events", "dm_sales_daily"):
        engine.execute(f"SYSTEM STOP MERGES zakaz.{table}")
    for event, city in golden.EVENTS.items():
        # an older version under another city must not win
        for version, value in ((2, city), (1, "прежний город")):
            engine.execute(
                f"INSERT INTO zakaz.dim_events (event_id, city, _ver) VALUES ({event}, {quote(value)}, {version})"
            )
    for ticket in golden.tickets():
        engine.execute(
            "INSERT INTO zakaz.stg_qtickets_tickets (order_id, ticket_id, event_id, is_paid, sale_date, price, "
            "refunded_amount, is_sold, net_revenue, currency, _ver) VALUES "
            f"({ticket.order_id}, {ticket.ticket_id}, {ticket.event_id}, {int(ticket.paid_at is not None)}, "
            f"'{ticket.day}', {ticket.price}, {ticket.refunded}, {ticket.sold}, {ticket.net}, "
            f"'{ticket.currency}', {ticket.version})"
        )
    for row in golden.spends():
        engine.execute(
            "INSERT INTO zakaz.dm_ads_daily (d, source, account, ad_id, city, impressions, clicks, spend, currency, _ver, "
            f"_is_deleted) VALUES ('{row.d}', '{SOURCE}', '{row.account}', '{row.ad_id}', {quote(row.city)}, "
            f"{row.impressions}, {row.clicks}, {row.spend}, 'RUB', {row.version}, {int(row.is_deleted)})"
        )
    query = loaders_sales_query()
    columns = "d, event_id, currency, city, tickets_sold, orders, revenue, refunded_amount"
    # an earlier computation of the mart with other figures, then the real one
    engine.execute(
        f"INSERT INTO zakaz.dm_sales_daily ({columns}, _ver) SELECT d, event_id, currency, city, 99, 99, 99.99, 0, 1 FROM ({query})"
    )
    engine.execute(f"INSERT INTO zakaz.dm_sales_daily ({columns}, _ver) SELECT {columns}, 2 FROM ({query})")


def sales_daily(engine: Engine) -> dict:
    found = rows(engine, "SELECT d, city, event_id, currency, tickets_sold, revenue FROM bi.v_sales_daily", EXACT)
    assert len({(r["d"], r["event_id"], r["currency"]) for r in found}) == len(found)
    return {
        (date.fromisoformat(r["d"]), r["city"], int(r["event_id"]), r["currency"]): (
            int(r["tickets_sold"]),
            Decimal(r["revenue"]),
        )
        for r in found
    }


def ads_daily(engine: Engine) -> dict:
    found = rows(engine, "SELECT d, city, impressions, clicks, spend FROM bi.v_ads_daily", EXACT)
    return {
        (date.fromisoformat(r["d"]), r["city"]): (int(r["impressions"]), int(r["clicks"]), Decimal(r["spend"]))
        for r in found
    }


def roi_daily(engine: Engine) -> dict:
    found = rows(engine, "SELECT * FROM bi.v_marketing_roi_daily", EXACT)
    result = {
        (date.fromisoformat(r["d"]), r["city"]): (
            *(
                Decimal(r["revenue"]),
                int(r["tickets_sold"]),
                int(r["impressions"]),
                int(r["clicks"]),
                Decimal(r["spend"]),
            ),
            *(None if r[name] is None else float(r[name]) for name in ("roas", "cpc", "cpt")),
        )
        for r in found
    }
    assert len(result) == len(found)
    return result


@pytest.fixture
def loaded(engine: Engine, schema: list[Statement]) -> Engine:
    load(engine, schema)
    return engine


def test_the_views_tell_the_truth_before_and_after_merges(loaded: Engine) -> None:
    for merged in (False, True):
        if merged:
            tables = loaded.rows("SELECT name FROM system.tables WHERE database = 'zakaz' AND engine LIKE '%MergeTree'")
            for table in tables:
                loaded.execute(f"SYSTEM START MERGES zakaz.{table['name']}")
                loaded.execute(f"OPTIMIZE TABLE zakaz.{table['name']} FINAL")
        assert sales_daily(loaded) == golden.sales_daily()
        assert ads_daily(loaded) == golden.ads_daily()
        assert roi_daily(loaded) == golden.roi_daily()


def test_what_the_golden_set_is_for_is_in_it() -> None:
    roi = golden.roi_daily()
    assert roi[date(2026, 1, 18), "москва"][:2] == (Decimal(0), 0)  # ads only
    assert roi[date(2026, 1, 20), "нижний новгород"][4:] == (Decimal(0), None, None, Decimal(0))  # sales only
    assert (date(2026, 1, 15), golden.NOWHERE) in roi
    assert roi[date(2026, 1, 31), "орел"][1] == 1 and roi[date(2026, 2, 1), "орел"][1] == 4
    assert sum(1 for _, _, event, _ in golden.sales_daily() if event in (1, 2)) > 2


def test_nothing_is_lost_or_counted_twice(loaded: Engine) -> None:
    spend = sum((row[2] for row in golden.ads_daily().values()), Decimal(0))
    roi, ads = roi_daily(loaded), ads_daily(loaded)
    assert (
        sum((row[4] for row in roi.values()), Decimal(0)) == sum((row[2] for row in ads.values()), Decimal(0)) == spend
    )
    assert min(day for day, _ in roi) == date(2026, 1, 1)
    assert all(city for _, city in roi)


def test_a_readers_own_settings_do_not_change_the_figures(loaded: Engine) -> None:
    expected = roi_daily(loaded)
    query = "SELECT d, city, revenue, spend, roas FROM bi.v_marketing_roi_daily ORDER BY d, city"
    for settings in ({"join_use_nulls": 1}, {"join_default_strictness": "ALL"}, {"max_threads": 1}):
        found = rows(loaded, query, {**EXACT, **settings})
        assert [Decimal(r["revenue"]) for r in found] == [expected[k][0] for k in sorted(expected)]
        assert {r["city"] for r in found} == {city for _, city in expected}


def test_every_view_reads_whatever_the_reader_has_set(loaded: Engine) -> None:
    for view in loaded.rows("SELECT name FROM system.tables WHERE database = 'bi'"):
        before = loaded.execute(f"SELECT * FROM bi.{view['name']} ORDER BY ALL FORMAT JSONEachRow")
        assert (
            loaded.execute(f"SELECT * FROM bi.{view['name']} ORDER BY ALL FORMAT JSONEachRow", {"join_use_nulls": 1})
            == before
        )


def test_the_other_views_agree_with_the_three(loaded: Engine) -> None:
    revenue = sum((row[0] for row in golden.roi_daily().values()), Decimal(0))
    spend = sum((row[4] for row in golden.roi_daily().values()), Decimal(0))
    utm = rows(loaded, "SELECT sum(revenue) AS revenue, sum(spend) AS spend FROM bi.v_romi_utm_daily", EXACT)[0]
    assert (Decimal(utm["revenue"]), Decimal(utm["spend"])) == (revenue, spend)
    plan = rows(loaded, "SELECT sum(revenue) AS revenue FROM bi.v_plan_fact_monthly", EXACT)[0]
    assert Decimal(plan["revenue"]) == revenue


def test_spend_with_vat_is_rounded_to_the_kopeck(engine: Engine, schema: list[Statement]) -> None:
    converge(schema, engine, engine.replay, Options())
    cases = {
        1: ("0.29", "0.22"),
        2: ("100.00", "0.22"),
        3: ("33.35", "0.1"),
        4: ("1234.56", "0.22"),
        5: ("0.01", "0.5"),
    }
    for ad, (spend, rate) in cases.items():
        engine.execute(
            "INSERT INTO zakaz.dm_ads_daily (d, source, account, ad_id, spend, vat_rate, _ver) "
            f"VALUES ('2026-01-01', '{SOURCE}', 'a', '{ad}', {spend}, {rate}, 1)"
        )
    found = rows(engine, "SELECT ad_id, spend_gross FROM bi.v_ads_campaigns_daily", EXACT)
    assert {int(r["ad_id"]): Decimal(r["spend_gross"]) for r in found} == {
        ad: (Decimal(spend) * (1 + Decimal(rate))).quantize(Decimal("0.01"), "ROUND_HALF_UP")
        for ad, (spend, rate) in cases.items()
    }
