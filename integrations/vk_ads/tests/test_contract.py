"""What every loader promises, of this one; its own limits, tokens and cabinets have tests of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from zakaz_common.testing.loader_contract import LoaderContract, Subject


@pytest.fixture
def subject(loader, api) -> Subject:
    """The loader of one cabinet."""

    def assert_equal() -> None:
        loader.assert_equal_to(api.season)
        assert api.count("*/token.json") <= 1, "a token outlives runs, killed ones included: VK allows five"

    return Subject(
        loader=loader,
        api=api,
        change=lambda: api.mutate("revise_vk_days", days=2),
        assert_equal=assert_equal,
        shown="SELECT * EXCEPT (_loaded_at) FROM bi.v_vk_ads_daily ORDER BY ALL",
        tables=("stg_vk_ads_daily", "dim_vk_banners", "dim_vk_banner_history", "dm_vk_ads_daily"),
        wrong_credentials={"vk_ads_client_id": "nobody-knows-it", "vk_ads_client_secret": "not-the-secret"},
        unreadable=("*/statistics/banners/day.json", ("items.*.rows.*.base.spent",)),
        personal_data=api.season.personal_data,
        folder=Path(__file__).resolve().parents[1],
        env_prefix="VK_ADS_",
    )


class TestContract(LoaderContract):
    """One cabinet: its objects, then its statistics."""

    ROUTES = ("*/ad_groups.json", "*/statistics/banners/day.json")
