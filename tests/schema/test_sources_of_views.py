# ruff: noqa: E501
"""Views compared with all their sources, as the smoke test and the reconciliation do: API, sheets, other money, aliases."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from zakaz_clickhouse.connection import rows
from zakaz_schema.statements import Statement

from tests.schema import golden
from tests.schema.advertising import ELSEWHERE, SOURCE, stage_ads
from tests.schema.engines import REPOSITORY, Engine
from tests.schema.test_currencies import add_other_money
from tests.schema.test_truth import EXACT, load, loaders_sales_query

SMOKE = REPOSITORY / "roles/smoke"
# (day, event, currency, tickets, revenue): days of the API's season and days of their own; events 100 and 101 are the
# sheet's alone, event 1 the API's, whose figures a sheet never changes
SHEET = [
    ("2026-01-15", 100, "RUB", 3, "3000.10"),
    ("2026-01-15", 100, "USD", 1, "40.40"),
    ("2026-04-01", 101, "RUB", 5, "0.05"),
    ("2026-04-02", 100, "RUB", -1, "-1000.03"),
    ("2026-01-15", 1, "RUB", 700, "70000.00"),
]


def query(name: str) -> str:
    """A query of the smoke test, with what all sources say of their own figures."""
    arms = [file.read_text(encoding="utf-8") for file in sorted(REPOSITORY.glob(f"integrations/*/{name}"))]
    place = {"differences.sql": "{{ __smoke_of_sources }}", "truth.sql": "{{ __smoke_truth_of_sources }}"}[name]
    text = (SMOKE / "templates" / f"{name}.j2").read_text(encoding="utf-8")
    assert place in text and arms
    return text.replace(place, "\n".join(f"UNION ALL\n{arm}" for arm in arms))


def differences(engine: Engine, *, sales_are_whole: bool = True) -> list[tuple[str, str, str]]:
    found = rows(engine, query("differences.sql"), {**EXACT, "param_sales_are_whole": str(sales_are_whole).lower()})
    return [(row["view"], row["figure"], row["subject"]) for row in found]


def reconciled(engine: Engine) -> list[dict[str, Any]]:
    return rows(engine, "SELECT * FROM meta.v_reconciliation_daily WHERE difference != 0", EXACT)


def fill_staging(engine: Engine, schema: list[Statement], *, api: bool) -> None:
    """The golden season in staging, and advertising's staging equal to its mart."""
    load(engine, schema)
    for event in (1, 2, 3, 4, 5) if api else ():
        engine.execute(f"INSERT INTO zakaz.stg_qtickets_events (event_id, _ver) VALUES ({event}, 1)")
    if not api:
        engine.execute("TRUNCATE TABLE zakaz.stg_qtickets_tickets")
        engine.execute("TRUNCATE TABLE zakaz.dim_events")
    stage_ads(engine)


def import_sheet(engine: Engine, *, api: bool) -> None:
    for day, event, currency, sold, revenue in SHEET:
        engine.execute(
            "INSERT INTO zakaz.stg_qtickets_sheets_sales (d, event_id, currency, tickets_sold, revenue, _ver) "
            f"VALUES ('{day}', {event}, '{currency}', {sold}, {revenue}, 1)"
        )
    engine.execute(
        "INSERT INTO zakaz.stg_qtickets_sheets_events (event_id, name, city, city_raw, _ver) "
        "VALUES (100, 'Выставка', 'msk', 'MSK', 1), (1, 'Чужая', 'тверь', 'Тверь', 1)"
    )
    engine.execute("INSERT INTO zakaz.dim_events (event_id, name, city, _ver) VALUES (100, 'Выставка', 'msk', 1)")
    sheet_places = "(100, '2026-04-01', 50, 10), (100, '2026-04-02', 60, 60), (1, '2026-04-01', 9, 9)"
    engine.execute(
        "INSERT INTO zakaz.stg_qtickets_sheets_inventory (event_id, event_date, tickets_total, tickets_available, _ver) "
        f"SELECT *, 1 FROM VALUES('event_id UInt64, event_date Date, total UInt64, free UInt64', {sheet_places})"
    )
    engine.execute(
        "INSERT INTO zakaz.fact_qtickets_inventory_latest (event_id, show_id, city, tickets_total, _ver) "
        f"VALUES (100, 0, 'msk', 110, 1){'' if api else ', (1, 0, 0, 9, 1)'}"
    )
    if api:
        engine.execute(
            "INSERT INTO zakaz.stg_qtickets_inventory (event_id, show_id, tickets_total, _ver) VALUES (1, 7, 300, 1)"
        )
        engine.execute(
            "INSERT INTO zakaz.fact_qtickets_inventory_latest (event_id, show_id, city, tickets_total, _ver) "
            "VALUES (1, 7, 'москва', 300, 1)"
        )
    refresh_sales(engine)


def refresh_sales(engine: Engine) -> None:
    """The mart as the loader leaves it."""
    columns = "d, event_id, currency, city, tickets_sold, orders, revenue, refunded_amount"
    engine.execute("TRUNCATE TABLE zakaz.dm_sales_daily")
    engine.execute(
        f"INSERT INTO zakaz.dm_sales_daily ({columns}, _ver) SELECT {columns}, 5 FROM ({loaders_sales_query()})"
    )


@pytest.fixture(params=[True, False], ids=["api and sheets", "sheets alone"])
def whole(request: pytest.FixtureRequest, engine: Engine, schema: list[Statement]) -> Engine:
    """Everything a view can show: API, sheets, other money, aliases of cities."""
    fill_staging(engine, schema, api=request.param)
    add_other_money(engine)
    stage_ads(engine)
    engine.execute(
        "INSERT INTO zakaz.dim_city_alias (alias, city, city_name, source, _ver) "
        "VALUES ('москва', 'столица', 'Столица', 'import', 9)"
    )
    import_sheet(engine, api=request.param)
    return engine


@pytest.mark.patient
def test_all_sources_together_are_no_difference(whole: Engine) -> None:
    assert (
        rows(whole, "SELECT sum(revenue) AS r FROM bi.v_sales_daily WHERE event_id = 100", EXACT)[0]["r"] == "2040.47"
    )
    assert differences(whole) == []
    assert reconciled(whole) == []


@pytest.mark.patient
def test_a_source_that_fills_the_mart_alone_is_in_every_view(one_engine: Engine, schema: list[Statement]) -> None:
    fill_staging(one_engine, schema, api=True)
    one_engine.execute(
        "INSERT INTO zakaz.dim_ads (source, account, ad_id, name, utm_source, _ver) "
        f"VALUES ('{SOURCE}', 'a', '1', 'Наше', 'ours', 1)"
    )
    seen = {
        view: rows(one_engine, f"SELECT * FROM bi.{view} ORDER BY ALL", EXACT) for view in views_of(one_engine, SOURCE)
    }
    before = by_view(one_engine)
    # the same day, city, cabinet and ad as the source has, an ad without a number, and one without an ad
    one_engine.execute(
        "INSERT INTO zakaz.dm_ads_daily (d, source, account, ad_id, campaign_id, city, impressions, clicks, spend, vat_rate, currency, _ver) VALUES "
        f"('2026-01-15', '{ELSEWHERE}', 'a', '1', '7', 'москва', 100, 10, 50.05, 0.2, 'RUB', 1), "
        f"('2026-01-15', '{ELSEWHERE}', 'a', 'ad/2', 'brand', 'москва', 10, 1, 0.95, 0, 'RUB', 1), "
        f"('2026-01-15', '{ELSEWHERE}', 'a', '', '', '', 1, 1, 9.00, 0, 'RUB', 1), "
        f"('2026-01-15', '{ELSEWHERE}', 'a', '3', '', 'москва', 1, 1, 1000, 0, 'USD', 1)"
    )
    one_engine.execute(
        "INSERT INTO zakaz.dim_ads (source, account, ad_id, name, campaign_name, utm_source, _ver) "
        f"VALUES ('{ELSEWHERE}', 'a', 'ad/2', 'Второе', 'Бренд', '{ELSEWHERE}', 1)"
    )
    after = by_view(one_engine)
    for view in ("v_marketing_roi_daily", "v_romi_utm_daily"):
        assert after[view] == (before[view][0], before[view][1] + Decimal("60.00")), (
            "no sale is counted twice, spend is added"
        )
    [moscow] = rows(
        one_engine, "SELECT * FROM bi.v_marketing_roi_daily WHERE d = '2026-01-15' AND city = 'москва'", EXACT
    )
    ours = golden.roi_daily()[date(2026, 1, 15), "москва"]
    assert (Decimal(moscow["revenue"]), int(moscow["tickets_sold"])) == ours[:2]
    assert (int(moscow["impressions"]), int(moscow["clicks"])) == (ours[2] + 110, ours[3] + 11)
    assert Decimal(moscow["spend"]) == ours[4] + Decimal("51.00")
    assert float(moscow["roas"]) == pytest.approx(float(ours[0]) / float(ours[4] + 51))
    shown = rows(
        one_engine, f"SELECT city, currency, spend FROM bi.v_ads_daily WHERE source = '{ELSEWHERE}' ORDER BY ALL", EXACT
    )
    assert [tuple(row.values()) for row in shown] == [
        ("unattributed", "RUB", "9"), ("москва", "RUB", "51"), ("москва", "USD", "1000"),
    ]  # fmt: skip
    ads = f"SELECT ad_id, ad_name, campaign_id, campaign_name, spend_gross FROM bi.v_ads_campaigns_daily WHERE source = '{ELSEWHERE}' ORDER BY ad_id"
    assert [tuple(row.values()) for row in rows(one_engine, ads, EXACT)] == [
        ("", "", "", "", "9"), ("1", "", "7", "", "60.06"), ("3", "", "", "", "1000"), ("ad/2", "Второе", "brand", "Бренд", "0.95"),
    ]  # fmt: skip
    [marked] = rows(one_engine, f"SELECT spend FROM bi.v_romi_utm_daily WHERE utm_source = '{ELSEWHERE}'", EXACT)
    assert marked["spend"] == "0.95"
    [named] = rows(
        one_engine, "SELECT spend FROM bi.v_romi_utm_daily WHERE d = '2026-01-15' AND utm_source = 'ours'", EXACT
    )
    assert named["spend"] == "260.26", "another source's ad of the same number is another ad"
    assert {view: rows(one_engine, f"SELECT * FROM bi.{view} ORDER BY ALL", EXACT) for view in seen} == seen and seen
    # it has no staging to be compared with
    assert differences(one_engine) == [] == reconciled(one_engine)


def views_of(engine: Engine, source: str) -> list[str]:
    """Views that show one source alone."""
    return [
        row["name"]
        for row in engine.rows(
            f"SELECT name FROM system.tables WHERE database = 'bi' AND position(name, '{source}') > 0"
        )
    ]


def by_view(engine: Engine) -> dict[str, tuple[Decimal, Decimal]]:
    """Revenue and spend in all that the views on return show."""
    found = {}
    for view in ("v_marketing_roi_daily", "v_romi_utm_daily"):
        [row] = rows(engine, f"SELECT sum(revenue) AS revenue, sum(spend) AS spend FROM bi.{view}", EXACT)
        found[view] = (Decimal(row["revenue"]), Decimal(row["spend"]))
    return found


DAMAGES = {
    "sheet's sale lost": (
        "INSERT INTO zakaz.dm_sales_daily (d, event_id, currency, _ver, _is_deleted) VALUES ('2026-04-01', 101, 'RUB', 8, 1)",
        {
            ("bi.v_sales_daily", "revenue", "event 101, RUB"),
            ("bi.v_sales_daily", "tickets", "event 101, RUB"),
            ("bi.v_marketing_roi_daily", "revenue", ""),
        },
        "sales_revenue",
    ),
    "sale of nobody": (
        "INSERT INTO zakaz.dm_sales_daily (d, event_id, currency, tickets_sold, _ver) VALUES ('2026-05-01', 100, 'EUR', 1, 8)",
        {("bi.v_sales_daily", "tickets", "event 100, EUR")},
        None,
    ),
    "other money of a sheet": (
        "INSERT INTO zakaz.dm_sales_daily (d, event_id, currency, tickets_sold, revenue, _ver) VALUES ('2026-01-15', 100, 'USD', 1, 40.41, 8)",
        {("bi.v_sales_daily", "revenue", "event 100, USD")},
        "sales_revenue",
    ),
    "spend of a source": (
        f"INSERT INTO zakaz.dm_ads_daily (d, source, account, ad_id, spend, currency, _ver) VALUES ('2026-01-18', '{SOURCE}', 'a', '1', 12.35, 'RUB', 8)",
        {("bi.v_ads_daily", "spend", f"{SOURCE}, RUB")},
        "ads_spend",
    ),
    "places": (
        "INSERT INTO zakaz.fact_qtickets_inventory_latest (event_id, show_id, tickets_total, _ver) VALUES (100, 0, 50, 8)",
        {("bi.v_inventory", "places", "event 100")},
        None,
    ),
    # a view made differently, with marts that agree with staging
    "view": (
        "CREATE OR REPLACE VIEW bi.v_marketing_roi_daily AS SELECT d, city, currency, revenue, spend * 2 AS spend "
        "FROM (SELECT d, city, currency, sum(revenue) AS revenue, toDecimal128(0, 2) AS spend FROM bi.v_sales_daily "
        "GROUP BY d, city, currency UNION ALL SELECT d, city, currency, toDecimal128(0, 2), spend FROM bi.v_ads_daily) "
        "WHERE currency = 'RUB'",
        {("bi.v_marketing_roi_daily", "spend", "")},
        None,
    ),
}


@pytest.mark.patient
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_really_differs_is_named(damage: str, whole: Engine) -> None:
    statement, expected, check = DAMAGES[damage]
    whole.execute(statement)
    # what a source's views of its own show is the source's test
    assert {found for found in differences(whole) if SOURCE not in found[0]} == expected
    assert {row["check_name"] for row in reconciled(whole)} == ({check} if check else set())


@pytest.mark.patient
def test_sales_that_are_not_whole_yet_are_not_compared(one_engine: Engine, schema: list[Statement]) -> None:
    fill_staging(one_engine, schema, api=True)
    one_engine.execute("TRUNCATE TABLE zakaz.dm_sales_daily")
    assert differences(one_engine)
    assert differences(one_engine, sales_are_whole=False) == []
    # advertising is another loader's
    one_engine.execute(DAMAGES["spend of a source"][0])
    assert {figure for _, figure, _ in differences(one_engine, sales_are_whole=False)} == {"spend"}


def truth() -> str:
    """What a simulator would say of the golden season: its roubles, with the cities it knows."""
    days = [
        {"d": str(day), "city": city, "tickets_sold": sold, "revenue": str(revenue), "clicks": clicks, "spend": str(spend)}
        for (day, city), (revenue, sold, _, clicks, spend, *_) in golden.roi_daily().items()
    ]  # fmt: skip
    return json.dumps(days, ensure_ascii=False)


def against_the_truth(engine: Engine) -> dict[str, Any]:
    told = {"param_truth": truth(), "param_figures": "sales,ads", "param_advertising": SOURCE}
    [row] = rows(engine, query("truth.sql"), EXACT | told)
    return {name: int(number) for name, number in row.items()}


@pytest.mark.patient
def test_what_a_source_left_that_is_no_longer_loaded_is_not_held_against_the_truth(
    one_engine: Engine, schema: list[Statement]
) -> None:
    fill_staging(one_engine, schema, api=True)
    one_engine.execute(
        "INSERT INTO zakaz.dm_ads_daily (d, source, account, ad_id, city, clicks, spend, _ver) "
        "VALUES ('2026-01-15', 'left_behind', 'a', '1', 'москва', 7, 700.07, 1)"
    )
    assert against_the_truth(one_engine)["different"] == 0


@pytest.mark.patient
@pytest.mark.parametrize("sheets", [False, True])
@pytest.mark.parametrize("alias", [False, True])
def test_the_simulators_truth_is_held_with_sheets_and_aliases(
    sheets: bool, alias: bool, engine: Engine, schema: list[Statement]
) -> None:
    fill_staging(engine, schema, api=True)
    add_other_money(engine)
    stage_ads(engine)
    if sheets:
        import_sheet(engine, api=True)
    if alias:
        engine.execute(
            "INSERT INTO zakaz.dim_city_alias (alias, city, city_name, source, _ver) "
            "VALUES ('москва', 'столица', 'Столица', 'import', 9)"
        )
    found = against_the_truth(engine)
    assert found["different"] == 0
    assert found["compared"] > 10
    for column in ("tickets_sold", "clicks"):
        table = "dm_sales_daily" if column == "tickets_sold" else "dm_ads_daily"
        keys = "2026-01-15', 1, 'RUB'" if column == "tickets_sold" else f"2026-01-15', '{SOURCE}', 'a', '3'"
        names = "d, event_id, currency" if column == "tickets_sold" else "d, source, account, ad_id"
        engine.execute(f"INSERT INTO zakaz.{table} ({names}, {column}, _ver) VALUES ('{keys}, 77, 99)")
        assert against_the_truth(engine)["different"] > found["different"]
        found = against_the_truth(engine)


@pytest.mark.patient
def test_a_city_that_is_wrong_is_seen_though_the_day_adds_up(one_engine: Engine, schema: list[Statement]) -> None:
    fill_staging(one_engine, schema, api=True)
    assert against_the_truth(one_engine)["different"] == 0
    one_engine.execute("INSERT INTO zakaz.dim_events (event_id, city, _ver) VALUES (3, 'тверь', 9)")
    assert against_the_truth(one_engine)["different"] > 0
