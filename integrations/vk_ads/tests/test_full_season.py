"""Two thousand banners, 400 days, three accounts, revisions: everything equal to the kopeck, in few calls."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from api_sandbox.testing import running_sandbox
from test_against_sandbox import yesterday
from test_several_cabinets import as_setting
from truth import city_truth, roi_truth, staging_truth, total_spend
from zakaz_common.testing.season_sales import write_sales

pytestmark = pytest.mark.slow

BANNERS, DAYS = 2000, 400


def listing_pages(season) -> int:
    return sum(
        max(1, math.ceil(len(objects) / 50))
        for account in season.accounts_of("vk_ads")
        for objects in (account.plans, account.groups, account.banners)
    )


def statistics_calls(season) -> int:
    return sum(math.ceil(len(account.banners) / 200) for account in season.accounts_of("vk_ads"))


def roi(loader) -> dict:
    columns = "d, city, revenue, tickets_sold, impressions, clicks, spend"
    return {row[:2]: row[2:] for row in loader.rows(f"SELECT {columns} FROM bi.v_marketing_roi_daily") if any(row[2:])}


def assert_everything_equal(loader, season) -> None:
    assert loader.staging() == staging_truth(season)
    assert loader.by_city() == city_truth(season, events_known=True)
    assert roi(loader) == roi_truth(season)
    [(spend, unattributed)] = loader.rows(
        "SELECT sum(spend), sumIf(spend, city = 'unattributed') FROM bi.v_vk_ads_daily"
    )
    assert spend == total_spend(season)
    assert 0 < unattributed < spend


def test_the_warehouse_equals_the_cabinets(bare_loader) -> None:
    with running_sandbox(
        orders=3000,
        season_days=DAYS,
        vk_accounts=3,
        vk_banners=BANNERS,
        vk_orders_only_share=0.3,
        vk_rps=10**5,
        vk_hourly=10**9,
        vk_daily=10**9,
    ) as api:
        season = api.season
        loader = bare_loader.having(vk_ads_base_url=api.url, vk_ads_accounts=as_setting(api.vk_clients))
        write_sales(loader.client, season)
        assert loader.run() == 0
        assert loader.backfill(season.first_day, season.first_day + timedelta(days=60)) == 0
        assert_everything_equal(loader, season)
        ads_only = [key for key, row in roi_truth(season).items() if row[4] and not row[1]]
        sales_only = [key for key, row in roi_truth(season).items() if row[1] and not row[4]]
        assert ads_only
        assert sales_only

        api.mutate("revise_vk_days", days=29)
        yesterday(loader)
        api.reset()
        assert loader.run() == 0
        assert api.count("*/statistics/*") == statistics_calls(season) <= 3 * math.ceil(BANNERS / 200)
        currencies = len(season.accounts_of("vk_ads"))
        assert api.count() == statistics_calls(season) + listing_pages(season) + currencies
        assert_everything_equal(loader, season)

        api.mutate("revise_vk_days", days=2)
        assert loader.run() == 0
        assert_everything_equal(loader, season)
        assert loader.run() == 0
        assert loader.last_run("rows_written") == (0,)
        assert_everything_equal(loader, season)
