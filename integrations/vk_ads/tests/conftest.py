"""A warehouse with the real schema, and a loader pointed at it and at the sandbox."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
import structlog
from api_sandbox.season.generator import Season
from api_sandbox.season.moscow_time import today
from api_sandbox.testing import Sandbox, make_season, running_sandbox
from truth import city_truth, staging_truth
from vk_ads import LOADER, __version__, load
from vk_ads.settings import VkAdsSettings
from zakaz_common.testing import warehouse_engine
from zakaz_common.testing.loader_under_test import LoaderUnderTest


@pytest.fixture(autouse=True)
def plain_logs():
    """Logs as structlog makes them without configuration; the command line configures them for good."""
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory):
    """A client of the engine, which runs beside the tests."""
    return warehouse_engine.engine(str(tmp_path_factory.mktemp("clickhouse")))


class Loader(LoaderUnderTest):
    """The VK Реклама loader."""

    NAME, VERSION, SETTINGS = LOADER, __version__, VkAdsSettings
    WORK, BACKFILL = load.run, load.backfill
    DEFAULTS: ClassVar = {"vk_ads_requests_per_second": 1000}

    def staging(self) -> dict:
        """zakaz.stg_vk_ads_daily in the shape of truth.staging_truth."""
        columns = "d, account, banner_id, ad_plan_id, ad_group_id, impressions, clicks, goals, spend"
        return {row[:3]: row[3:] for row in self.rows(f"SELECT {columns} FROM zakaz.stg_vk_ads_daily FINAL")}

    def by_city(self) -> dict:
        """bi.v_vk_ads_daily in the shape of truth.city_truth."""
        return {
            row[:2]: row[2:] for row in self.rows("SELECT d, city, impressions, clicks, spend FROM bi.v_vk_ads_daily")
        }

    def assert_equal_to(self, season: Season) -> None:
        """The warehouse holds what the season holds: staging, and the view by day and city."""
        assert self.staging() == staging_truth(season)
        assert self.by_city() == city_truth(season)


@pytest.fixture(scope="session")
def frozen_season() -> bytes:
    """A small season of one cabinet, made once; every test thaws its own."""
    return pickle.dumps(
        make_season(seed=1, orders=100, season_end=today() - timedelta(days=1), season_days=45, vk_banners=60)
    )


@pytest.fixture
def api(frozen_season: bytes) -> Iterator[Sandbox]:
    """The small season's sandbox, with limits far away."""
    season = pickle.loads(frozen_season)
    with running_sandbox(season, vk_rps=10**5, vk_hourly=10**9, vk_daily=10**9) as running:
        yield running


@pytest.fixture
def bare_loader(engine, tmp_path: Path) -> Loader:
    """A loader on an empty warehouse, without an API."""
    warehouse_engine.empty(engine)
    return Loader(engine, tmp_path, {})


@pytest.fixture
def loader(bare_loader: Loader, api: Sandbox) -> Loader:
    """A loader of the sandbox's first cabinet."""
    client_id, secret, name = api.vk_clients[0]
    return bare_loader.having(
        vk_ads_base_url=api.url, vk_ads_client_id=client_id, vk_ads_client_secret=secret, vk_ads_account_name=name
    )
