"""The mart that all sources share, the one of before, and the views of VK's alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from vk_ads.mart import refresh_days, shared_mart
from zakaz_common.deadline import Deadline
from zakaz_common.testing import warehouse_engine
from zakaz_common.warehouse import Warehouse

REPOSITORY = Path(__file__).resolve().parents[3]
FORMER = "d, account, banner_id, city, ad_plan_id, ad_group_id, impressions, clicks, spend, currency"
MART = (
    "d, account, toUInt64(ad_id), city, toUInt64OrZero(campaign_id), toUInt64OrZero(group_id), impressions, clicks, "
    "spend, currency"
)


def former(loader) -> list[tuple]:
    return sorted(loader.rows(f"SELECT {FORMER} FROM zakaz.dm_vk_ads_daily FINAL"))


def mart(loader) -> list[tuple]:
    return sorted(loader.rows(f"SELECT {MART} FROM zakaz.dm_ads_daily FINAL WHERE source = 'vk_ads'"))


def shown(loader) -> dict[str, list[tuple]]:
    views = loader.rows("SELECT name FROM system.tables WHERE database = 'bi' AND name != 'v_ops_freshness'")
    # the two marts are written one after the other, each with its own time
    return {view: loader.rows(f"SELECT * EXCEPT (_loaded_at) FROM bi.{view} ORDER BY ALL") for (view,) in views}


def seed(loader) -> None:
    """What an application of the schema does with rows."""
    for statement in warehouse_engine.schema_statements():
        if statement.startswith("INSERT"):
            loader.client.command(statement)


def test_the_mart_of_before_has_the_same_rows_after_every_run(loader, api) -> None:
    loader.run()
    assert former(loader) == mart(loader) != []
    staged = loader.rows("SELECT d, account, banner_id, ad_plan_id, ad_group_id FROM zakaz.stg_vk_ads_daily FINAL")
    assert [row[:3] + row[4:6] for row in mart(loader)] == sorted(staged)
    api.mutate("revise_vk_days", days=45)
    loader.run()
    assert former(loader) == mart(loader)
    # what an older release, or a run that was killed between the two, left in one of them
    for table, keys, others in (
        ("dm_vk_ads_daily", "d, account, banner_id", "dm_ads_daily"),
        ("dm_ads_daily", "d, source, account, ad_id", "dm_vk_ads_daily"),
    ):
        loader.client.command(
            f"INSERT INTO zakaz.{table} ({keys}, spend, _ver) SELECT {keys}, spend + 1, _ver + 1 "
            f"FROM zakaz.{table} FINAL ORDER BY d LIMIT 3"
        )
        before = loader.rows(f"SELECT count() FROM zakaz.{others}")
        loader.run()
        assert former(loader) == mart(loader)
        staged = loader.rows("SELECT d, sum(spend) FROM zakaz.stg_vk_ads_daily FINAL GROUP BY d ORDER BY d")
        assert loader.rows("SELECT d, sum(spend) FROM bi.v_vk_ads_daily GROUP BY d ORDER BY d") == staged
        assert loader.rows(f"SELECT count() FROM zakaz.{others}") == before, "what was right is not written again"


def test_an_upgrade_needs_no_run_and_the_next_run_changes_nothing(loader, api) -> None:
    loader.run()
    before = shown(loader)
    times = loader.rows("SELECT * FROM zakaz.dm_ads_daily FINAL WHERE goals > 0 ORDER BY ALL LIMIT 5")
    assert times
    for table in ("dm_ads_daily", "dim_ads"):
        loader.client.command(f"TRUNCATE TABLE zakaz.{table}")
    assert shown(loader) != before
    for _ in range(2):
        seed(loader)
        assert len(mart(loader)) == loader.one("SELECT count() FROM zakaz.dm_ads_daily"), "nothing is written twice"
        assert shown(loader) == before
    loader.run()
    assert loader.last_run("rows_written") == (0,)
    assert shown(loader) == before


def test_rows_that_an_older_release_wrote_are_brought_along(loader, api) -> None:
    loader.run()
    # so that rows of the mart have later versions than its first
    for _ in range(2):
        api.mutate("revise_vk_days", days=45)
        loader.backfill(api.season.first_day, api.season.season_end)
    loader.client.command(
        "INSERT INTO zakaz.dm_vk_ads_daily (d, account, banner_id, city, spend, currency, _ver) "
        "SELECT d, account, banner_id, 'томск', spend + 5, currency, max(_ver) OVER () + 1 "
        "FROM zakaz.dm_vk_ads_daily FINAL ORDER BY _ver DESC LIMIT 4"
    )
    assert mart(loader) != former(loader)
    seed(loader)
    assert mart(loader) == former(loader)


OTHERS = (
    "INSERT INTO zakaz.dm_ads_daily (d, source, account, ad_id, city, impressions, clicks, spend, currency, _ver) "
    "SELECT d, 'elsewhere', account, ad_id, city, 1, 1, 100, 'RUB', _ver + 3 FROM zakaz.dm_ads_daily FINAL"
)


def test_rows_of_another_source_are_left_alone(loader, api) -> None:
    loader.run()
    loader.client.command(OTHERS)
    loader.client.command(
        "INSERT INTO zakaz.dim_ads (source, account, ad_id, name, _ver) "
        "SELECT 'elsewhere', account, ad_id, 'другое', 9 FROM zakaz.dim_ads FINAL"
    )
    theirs = "SELECT * FROM zakaz.{} FINAL WHERE source = 'elsewhere' ORDER BY ALL"
    before = [loader.rows(theirs.format(table)) for table in ("dm_ads_daily", "dim_ads")]
    assert all(before)
    loader.run()
    assert loader.last_run("rows_written") == (0,)
    api.mutate("revise_vk_days", days=45)
    loader.backfill(api.season.first_day, api.season.season_end)
    assert loader.one("SELECT max(_ver) FROM zakaz.dm_ads_daily WHERE source = 'vk_ads'") > 1
    # a whole recomputation, with a banner that is gone from staging
    loader.client.command(
        "DELETE FROM zakaz.stg_vk_ads_daily WHERE banner_id = (SELECT min(banner_id) FROM zakaz.stg_vk_ads_daily)"
    )
    written = refresh_days(shared_mart(Warehouse.from_client(loader.client, Deadline(60))))
    assert 0 < written < 400
    assert former(loader) == mart(loader)
    assert [loader.rows(theirs.format(table)) for table in ("dm_ads_daily", "dim_ads")] == before


def test_views_of_vk_show_vk_alone_and_those_on_return_show_all(loader, api) -> None:
    loader.run()
    before = shown(loader)
    loader.client.command(OTHERS)
    after = shown(loader)
    ours = [view for view in before if "vk_ads" in view]
    assert len(ours) == 3
    assert {view: after[view] for view in ours} == {view: before[view] for view in ours}
    rows = loader.one("SELECT count() FROM zakaz.dm_ads_daily FINAL WHERE source = 'elsewhere'")
    for view in ("v_marketing_roi_daily", "v_romi_utm_daily", "v_ads_daily"):
        spend = loader.one(f"SELECT sum(spend) FROM bi.{view}")
        assert spend - loader.one("SELECT sum(spend) FROM bi.v_vk_ads_daily") == 100 * rows
    assert loader.one("SELECT sum(impressions) FROM bi.v_vk_ads_daily") == loader.one(
        "SELECT sum(impressions) FROM bi.v_vk_ads_campaigns_daily WHERE currency = 'RUB'"
    )


def test_vks_own_views_keep_their_columns(loader) -> None:
    columns = {
        "v_vk_ads_daily": "d city impressions clicks spend _loaded_at city_name",
        "v_vk_ads_currencies_daily": "d city currency impressions clicks spend _loaded_at city_name",
        "v_vk_ads_campaigns_daily": "d account ad_plan_id ad_plan_name ad_group_id ad_group_name banner_id banner_name "
        "impressions clicks goals spend spend_gross currency _loaded_at",
    }
    for view, names in columns.items():
        assert " ".join(row[0] for row in loader.rows(f"DESCRIBE TABLE bi.{view}")) == names


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (
            "INSERT INTO zakaz.dm_ads_daily (d, source, account, ad_id, spend, currency, _ver) "
            "SELECT d, source, account, ad_id, spend + toDecimal64('0.01', 2), currency, _ver + 1 "
            "FROM zakaz.dm_ads_daily FINAL WHERE source = 'vk_ads' LIMIT 1",
            {"bi.v_ads_daily", "bi.v_vk_ads_daily", "bi.v_vk_ads_currencies_daily"},
        ),
        (
            "CREATE OR REPLACE VIEW bi.v_vk_ads_daily AS SELECT d, city, impressions, clicks, spend, _loaded_at, "
            "city_name FROM bi.v_ads_daily WHERE source != 'vk_ads'",
            {"bi.v_vk_ads_daily"},
        ),
    ],
)
def test_smoke_names_the_view_that_differs_from_what_vk_told(loader, api, damage: str, named: set[str]) -> None:
    query = (
        (REPOSITORY / "roles/smoke/templates/differences.sql.j2")
        .read_text(encoding="utf-8")
        .replace(
            "{{ __smoke_of_sources }}",
            "".join(f"UNION ALL\n{file.read_text()}" for file in REPOSITORY.glob("integrations/*/differences.sql")),
        )
    )

    def differing() -> dict[str, Decimal]:
        found = loader.client.query(query, parameters={"sales_are_whole": False}).result_rows
        return {row[0]: row[4] - row[5] for row in found}

    loader.run()
    loader.client.command(OTHERS)
    assert differing() == {}
    try:
        loader.client.command(damage)
        assert set(differing()) == named
    finally:
        for statement in warehouse_engine.schema_statements():
            if "bi.v_vk_ads_daily" in statement:
                loader.client.command(statement)
