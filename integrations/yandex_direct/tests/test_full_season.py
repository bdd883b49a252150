"""A whole season of several accounts, in two currencies, beside other advertising: everything to the kopeck."""

from __future__ import annotations

import pytest
from api_sandbox.season.generator import Season
from api_sandbox.season.moscow_time import today
from api_sandbox.testing import running_sandbox
from conftest import UNLIMITED, as_setting
from test_against_sandbox import listings_due, rewind
from truth import city_truth, mart_truth, roi_truth, staging_truth, total_spend
from yandex_direct import LOADER
from zakaz_common.testing.season_sales import write_sales

LOGINS = {f"direct-{n}": f"direct-{n}" for n in (1, 2, 3)}


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
