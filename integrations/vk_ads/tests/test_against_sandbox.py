"""The warehouse against the sandbox's own season: staging, marts and views, to the kopeck."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from api_sandbox.season.records import DayStat
from clickhouse_connect.driver.exceptions import DatabaseError
from truth import total_spend
from vk_ads.mart import shared_mart
from zakaz_common.deadline import Deadline
from zakaz_common.moscow import days_between
from zakaz_common.warehouse import Warehouse

pytestmark = pytest.mark.patient


def test_figures_are_net_of_vat_and_the_view_offers_gross(loader, api) -> None:
    loader.having(vk_ads_vat_rate="0.20").run()
    net, gross = loader.rows("SELECT sum(spend), sum(spend_gross) FROM bi.v_vk_ads_campaigns_daily")[0]
    assert net == total_spend(api.season)
    assert abs(gross - net * Decimal("1.2")) < Decimal("0.01") * len(loader.staging())


def test_the_sandbox_marks_links_as_the_cabinet_does(api) -> None:
    """The automatic UTM of VK, whose campaign is the ad group."""
    found = {
        group.utm
        for account in api.season.accounts_of("vk_ads")
        for group in account.groups.values()
        if group.enable_utm
    }
    assert "utm_source=vk_ads&utm_medium=cpc&utm_campaign={{campaign_id}}&utm_content={{banner_id}}" in found


def test_recent_revisions_overwrite_and_old_ones_wait_for_the_deep_read(loader, api) -> None:
    loader.run()
    api.mutate("revise_vk_days", days=2)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)

    api.mutate("revise_vk_days", days=20)
    loader.run()
    assert loader.staging() != {}
    with pytest.raises(AssertionError):
        loader.assert_equal_to(api.season)
    yesterday(loader)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def yesterday(loader) -> None:
    """Make every run so far one of yesterday: the next one is the first of its day."""
    loader.client.command(
        "ALTER TABLE meta.etl_runs UPDATE window_from = window_to WHERE 1 SETTINGS mutations_sync = 2"
    )


def test_backfill_reads_the_days_asked_for_and_leaves_the_watermark(loader, api) -> None:
    loader.run()
    mark = loader.rows("SELECT watermark FROM meta.watermarks FINAL")
    api.mutate("revise_vk_days", days=40)
    first = api.season.season_end - timedelta(days=39)
    assert loader.backfill(first, api.season.season_end) == 0
    loader.assert_equal_to(api.season)
    assert loader.rows("SELECT watermark FROM meta.watermarks FINAL") == mark


def test_backfill_beside_the_revised_days_changes_nothing(loader, api) -> None:
    loader.run()
    before = loader.staging()
    api.mutate("revise_vk_days", days=2)
    old = api.season.first_day
    assert loader.backfill(old, old + timedelta(days=5)) == 0
    assert loader.staging() == before


def test_days_that_vanish_or_turn_to_zero_lose_their_spend(loader, api) -> None:
    loader.run()
    banner = next(b for b in api.season.accounts_of("vk_ads")[0].banners.values() if api.season.season_end in b.days)
    banner.days.pop(api.season.season_end)
    other = next(
        b
        for b in api.season.accounts_of("vk_ads")[0].banners.values()
        if b.days.get(api.season.season_end, DayStat(0, 0, 0, 0)).spent and b is not banner
    )
    other.days[api.season.season_end] = DayStat(0, 0, 0, 0)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_new_banners_appear_with_their_spend(loader, api) -> None:
    loader.run()
    api.mutate("add_vk_banners", count=3, days=2)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_after_an_outage_the_window_reaches_back_to_where_data_end(loader, api) -> None:
    loader.run()
    loader.client.command("TRUNCATE TABLE meta.watermarks")
    loader.client.command(
        "INSERT INTO meta.watermarks (loader, dataset, watermark, run_id, _ver) "
        "SELECT 'vk_ads', 'statistics', now('Europe/Moscow') - INTERVAL 12 DAY, generateUUIDv4(), 1"
    )
    api.mutate("revise_vk_days", days=11)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_a_clock_that_went_back_does_not_make_new_figures_lose(loader, api) -> None:
    loader.run()
    loader.client.command("ALTER TABLE zakaz.stg_vk_ads_daily UPDATE goals = goals WHERE 1 SETTINGS mutations_sync = 2")
    far = 9_000_000_000_000
    loader.client.command(
        "INSERT INTO zakaz.stg_vk_ads_daily (d, account, banner_id, ad_plan_id, ad_group_id, impressions, clicks, "
        "goals, spend, vat_rate, currency, _ver) SELECT d, account, banner_id, ad_plan_id, ad_group_id, "
        f"impressions + 1, clicks, goals, spend, vat_rate, currency, {far} FROM zakaz.stg_vk_ads_daily FINAL"
    )
    assert loader.backfill(api.season.first_day, api.season.season_end) == 0
    loader.assert_equal_to(api.season)


def test_a_foreign_id_costs_its_banner_only_and_is_reported(loader, api) -> None:
    [hidden] = api.mutate("hide_vk_statistics", count=1)
    assert loader.run() == 0
    assert hidden not in {key[2] for key in loader.staging()}
    assert loader.rows("SELECT DISTINCT dataset, record_key, reason FROM meta.rejected_records") == [
        ("statistics", f"kabinet-1/{hidden}", "VK refuses statistics of this banner (ERR_WRONG_IDS)")
    ]
    api.mutate("show_vk_statistics", ids=[hidden])
    loader.backfill(api.season.first_day, api.season.season_end)
    loader.assert_equal_to(api.season)


def test_a_banner_refused_later_keeps_what_was_loaded(loader, api) -> None:
    loader.run()
    api.mutate("hide_vk_statistics", count=2)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_attributed_and_unattributed_add_up_to_the_total_whatever_is_known(loader, api) -> None:
    loader.client.command("TRUNCATE TABLE zakaz.dim_events")
    loader.run()
    shown = loader.by_city()
    assert sum(figures[2] for figures in shown.values()) == total_spend(api.season)
    assert any(city == "unattributed" for _, city in shown)


def test_every_day_has_the_city_as_known_today(loader, api) -> None:
    """Sales move to their event's new city with all their history; spend does too, else ROAS mixes two times."""
    loader.run()
    group, banner = _brand(api)
    banner.url = "https://afisha.example.com/?utm_content=zzz-gorodok_01_02"
    group.enable_utm = False
    loader.run()
    spent = loader.rows(f"SELECT sum(spend) FROM zakaz.stg_vk_ads_daily FINAL WHERE banner_id = {banner.id}")[0][0]
    assert _cities(loader, banner.id) == {"unattributed": spent}
    loader.client.command("INSERT INTO zakaz.dim_city_alias (alias, city, _ver) VALUES ('zzz-gorodok', 'городок', 1)")
    try:
        loader.run()
        assert _cities(loader, banner.id) == {"городок": spent}
        banner.url = "https://afisha.example.com/?utm_content=tomsk_01_02"
        untouched = _written(loader, but=banner.id)
        loader.run()
        assert _cities(loader, banner.id) == {"томск": spent}
        assert _written(loader, but=banner.id) == untouched, "only rows whose city changed are written"
        _lose_from_the_mart(loader, api.season.season_end - timedelta(days=6), but=banner.id)
        loader.run()
        assert _cities(loader, banner.id) == {"томск": spent}
        loader.run()
        assert loader.last_run("rows_written") == (0,)
        banner.url = "https://afisha.example.com/"
        loader.run()
        assert _cities(loader, banner.id) == {"unattributed": spent}
    finally:
        loader.client.command("DELETE FROM zakaz.dim_city_alias WHERE alias = 'zzz-gorodok'")


def test_spend_follows_its_event_to_another_city_with_its_sales(loader, api) -> None:
    account = api.season.accounts_of("vk_ads")[0]
    banner = next(
        b
        for b in account.banners.values()
        if account.groups[b.group_id].utm.endswith("{{banner_id}}") and len(b.days) > 10
    )
    loader.client.command(
        "INSERT INTO zakaz.stg_qtickets_orders (order_id, event_id, is_paid, utm_source, utm_content, _ver) "
        f"VALUES (1, 1, 1, 'vk_ads', '{banner.id}', 1)"
    )
    loader.client.command(
        "INSERT INTO zakaz.dm_sales_daily (d, event_id, currency, city, tickets_sold, revenue, _ver) "
        f"VALUES ('{min(banner.days)}', 1, 'RUB', 'норильск', 1, 100, 1)"
    )
    for version, city in enumerate(("норильск", "магадан"), 1):
        loader.client.command(
            f"INSERT INTO zakaz.dim_events (event_id, name, city, _ver) VALUES (1, 'к', '{city}', {version})"
        )
        loader.run()
        spent = loader.rows(f"SELECT sum(spend) FROM zakaz.stg_vk_ads_daily FINAL WHERE banner_id = {banner.id}")
        found = loader.rows(
            "SELECT city, sum(revenue), sum(spend) FROM bi.v_marketing_roi_daily "
            "WHERE city IN ('норильск', 'магадан') GROUP BY city"
        )
        assert found == [(city, 100, spent[0][0])]


def test_a_banner_that_left_the_dimension_keeps_the_marts_city(loader, api) -> None:
    loader.run()
    _, banner = _brand(api)
    loader.client.command(
        f"INSERT INTO zakaz.dm_ads_daily SELECT * REPLACE ('томск' AS city, _ver + 1 AS _ver) "
        f"FROM zakaz.dm_ads_daily FINAL WHERE ad_id = '{banner.id}'"
    )
    before = _cities(loader, banner.id)
    assert set(before) == {"томск"}
    loader.client.command(f"DELETE FROM zakaz.dim_vk_banners WHERE banner_id = {banner.id}")
    mart = shared_mart(Warehouse.from_client(loader.client, Deadline(60)))
    mart.refresh_days(days_between(api.season.first_day, api.season.season_end))
    assert _cities(loader, banner.id) == before


def _written(loader, *, but: int) -> int:
    """Rows ever written to the mart, versions included, of all banners but one."""
    return loader.rows(f"SELECT sum(_ver) FROM zakaz.dm_ads_daily WHERE ad_id != '{but}'")[0][0]


def _lose_from_the_mart(loader, day, *, but: int) -> None:
    """What a run that was killed before its mart leaves: the day is in staging only."""
    loader.client.command(
        "INSERT INTO zakaz.dm_ads_daily (d, source, account, ad_id, _ver, _is_deleted) "
        "SELECT d, source, account, ad_id, _ver + 1, 1 FROM zakaz.dm_ads_daily FINAL "
        f"WHERE d = '{day}' AND ad_id != '{but}'"
    )


def _brand(api):
    account = api.season.accounts_of("vk_ads")[0]
    for banner in account.banners.values():
        group = account.groups[banner.group_id]
        plan = account.plans[group.plan_id]
        if plan.event_id is None and len(banner.days) > 10:
            return group, banner
    raise AssertionError("the season has no brand banner")


def _cities(loader, banner_id: int) -> dict:
    return dict(
        loader.rows(f"SELECT city, sum(spend) FROM zakaz.dm_ads_daily FINAL WHERE ad_id = '{banner_id}' GROUP BY city")
    )


def test_names_statuses_and_utm_follow_the_cabinet(loader, api) -> None:
    loader.run()
    account = api.season.accounts_of("vk_ads")[0]
    banner = next(one for one in account.banners.values() if one.status == "active")
    banner.name, banner.status = "переименован", "deleted"
    account.plans[account.groups[banner.group_id].plan_id].name = "новое имя плана"
    loader.run()
    assert loader.rows(
        f"SELECT name, status, ad_plan_name FROM zakaz.dim_vk_banners FINAL WHERE banner_id = {banner.id}"
    ) == [("переименован", "deleted", "новое имя плана")]
    assert loader.rows("SELECT count() FROM zakaz.dim_vk_banners FINAL") == [(60,)]
    history = f"SELECT name, status FROM zakaz.dim_vk_banner_history FINAL WHERE banner_id = {banner.id} ORDER BY _ver"
    [(_, before), after] = loader.rows(history)
    assert before != "deleted"
    assert after == ("переименован", "deleted")
    loader.run()
    assert len(loader.rows(history)) == 2


def test_orders_that_carry_the_banner_decide_its_city(loader, api) -> None:
    account = api.season.accounts_of("vk_ads")[0]
    banner = next(b for b in account.banners.values() if account.groups[b.group_id].utm.endswith("{{banner_id}}"))
    loader.client.command("INSERT INTO zakaz.dim_events (event_id, name, city, _ver) VALUES (1, 'к', 'норильск', 1)")
    loader.client.command(
        "INSERT INTO zakaz.stg_qtickets_orders (order_id, event_id, is_paid, utm_source, utm_content, _ver) "
        f"VALUES (1, 1, 1, 'vk_ads', '{banner.id}', 1), (2, 2, 1, 'vk_ads', '{banner.id}', 1), "
        "(3, 1, 0, 'vk_ads', 'x', 1)"
    )
    loader.run()
    assert loader.rows(
        f"SELECT city, attribution, utm_content FROM zakaz.dim_vk_banners FINAL WHERE banner_id = {banner.id}"
    ) == [("норильск", "banner_utm", str(banner.id))]


def test_without_the_right_to_read_orders_the_run_goes_on_and_says_so(loader, api, capsys) -> None:
    class Denied:
        def __init__(self, client) -> None:
            self._client = client

        def __getattr__(self, name: str):
            return getattr(self._client, name)

        def query(self, sql: str, **options):
            if "stg_qtickets_orders" in sql:
                raise DatabaseError("Code: 497. DB::Exception: not enough privileges")
            return self._client.query(sql, **options)

    assert loader.via(Denied(loader.client)).run() == 0
    assert "orders_not_used_for_attribution" in capsys.readouterr().out
    loader.assert_equal_to(api.season)
