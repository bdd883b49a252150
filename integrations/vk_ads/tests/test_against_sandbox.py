"""The warehouse against the sandbox's own truth: staging, marts and views, to the kopeck."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest
from api_sandbox.generator import Season
from api_sandbox.moscow_time import today
from api_sandbox.truth import banner_cities
from sandbox_server import sandbox

END = today() - timedelta(days=1)


def expected_staging(season: Season, first=None, last=None) -> dict:
    """(day, account, banner) → figures; days on which nothing happened have no row."""
    rows = {}
    for account in season.accounts:
        for banner in account.banners.values():
            group = account.groups[banner.group_id]
            for day, stat in banner.days.items():
                if (stat.shows or stat.clicks or stat.goals or stat.spent) and (not first or first <= day <= last):
                    rows[day, account.name, banner.id] = (
                        group.plan_id,
                        group.id,
                        stat.shows,
                        stat.clicks,
                        stat.goals,
                        Decimal(stat.spent) / 100,
                    )
    return rows


def staging(loader) -> dict:
    return {
        row[:3]: row[3:]
        for row in loader.rows(
            "SELECT d, account, banner_id, ad_plan_id, ad_group_id, impressions, clicks, goals, spend "
            "FROM zakaz.stg_vk_ads_daily FINAL"
        )
    }


def ads_by_city(season: Season) -> dict:
    cities = banner_cities(season)
    days: dict = defaultdict(lambda: [0, 0, Decimal(0)])
    for account in season.accounts:
        for banner in account.banners.values():
            for day, stat in banner.days.items():
                if stat.shows or stat.clicks or stat.spent:
                    figures = days[day, cities[banner.id]]
                    figures[0] += stat.shows
                    figures[1] += stat.clicks
                    figures[2] += Decimal(stat.spent) / 100
    return {key: tuple(value) for key, value in days.items()}


def shown_by_city(loader) -> dict:
    return {
        row[:2]: row[2:] for row in loader.rows("SELECT d, city, impressions, clicks, spend FROM bi.v_vk_ads_daily")
    }


@pytest.fixture(scope="module")
def season() -> Season:
    return Season(seed=3, orders=400, season_end=END, season_days=45, vk_banners=60)


def test_first_run_loads_the_whole_season_and_the_second_writes_nothing(loader, season) -> None:
    with sandbox(season) as api:
        loader = loader.with_settings(vk_ads_base_url=api.url, vk_ads_account_name=season.accounts[0].name)
        assert loader.run() == 0
        assert staging(loader) == expected_staging(season)
        assert shown_by_city(loader) == ads_by_city(season)
        assert loader.last_run("status", "exit_code", "rows_rejected") == ("success", 0, 0)
        assert loader.run() == 0
        assert loader.last_run("rows_written") == (0,)
    assert len(api.state.vk_tokens.tokens) == 1
