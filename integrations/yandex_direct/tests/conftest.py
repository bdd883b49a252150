"""A warehouse with the real schema, and a loader pointed at it and at the sandbox."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import structlog
from api_sandbox.season.generator import Season
from api_sandbox.season.moscow_time import today
from api_sandbox.testing import Sandbox, make_season, running_sandbox
from truth import campaign_truth, city_truth, staging_truth
from yandex_direct import LOADER, __version__, load
from yandex_direct.settings import YandexDirectSettings
from zakaz_common.testing import warehouse_engine
from zakaz_common.testing.loader_under_test import LoaderUnderTest

FOLDER = Path(__file__).resolve().parents[1]
#: A season up to today without other advertising, and a service whose limits are far away.
SMALL = {
    "seed": 1,
    "orders": 100,
    "season_days": 45,
    "season_end": today(),
    "vk_banners": 0,
    "yandex_direct_ads": 40,
}
UNLIMITED = {"yandex_direct_requests": 10**6, "yandex_direct_online_rows": 10**6, "yandex_direct_units": 10**9}


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
    """The Yandex Direct loader."""

    NAME, VERSION, SETTINGS = LOADER, __version__, YandexDirectSettings
    WORK, BACKFILL = load.run, load.backfill
    DEFAULTS: ClassVar = {"yandex_direct_requests_per_second": 1000}

    def staging(self) -> dict:
        """zakaz.stg_yandex_direct_daily in the shape of truth.staging_truth."""
        columns = "d, account, campaign_id, ad_group_id, ad_id"
        figures = "sum(impressions), sum(clicks), sum(conversions), sum(spend)"
        return {
            row[:5]: row[5:]
            for row in self.rows(
                f"SELECT {columns}, {figures} FROM zakaz.stg_yandex_direct_daily FINAL GROUP BY {columns}"
            )
        }

    def campaigns(self) -> dict:
        """zakaz.stg_yandex_direct_campaigns_daily in the shape of truth.campaign_truth."""
        columns = "d, account, campaign_id, impressions, clicks, spend"
        return {
            row[:3]: row[3:]
            for row in self.rows(f"SELECT {columns} FROM zakaz.stg_yandex_direct_campaigns_daily FINAL")
        }

    def mart(self) -> dict:
        """zakaz.dm_ads_daily in the shape of truth.mart_truth."""
        columns = "d, account, ad_id, impressions, clicks, goals, spend, vat_rate, currency"
        return {
            row[:3]: row[3:]
            for row in self.rows(f"SELECT {columns} FROM zakaz.dm_ads_daily FINAL WHERE source = '{LOADER}'")
        }

    def by_city(self) -> dict:
        """bi.v_ads_daily in the shape of truth.city_truth."""
        columns = "d, city, currency, impressions, clicks, spend"
        return {
            row[:3]: row[3:] for row in self.rows(f"SELECT {columns} FROM bi.v_ads_daily WHERE source = '{LOADER}'")
        }

    def assert_equal_to(self, season: Season, names: dict[str, str] | None = None) -> None:
        """The warehouse holds what the season holds: staging, and the view by day and city.

        ``names`` are those of the accounts by login, where they differ.
        """
        assert self.staging() == staging_truth(season, names or {"direct-1": "main"})
        assert self.by_city() == city_truth(season)
        self.assert_campaigns_equal_to(season, names)

    def assert_campaigns_equal_to(self, season: Season, names: dict[str, str] | None = None) -> None:
        """The report by campaigns holds what the season holds, to the rounding of its rows."""
        campaigns, told = self.campaigns(), campaign_truth(season, names or {"direct-1": "main"})
        assert campaigns.keys() == told.keys()
        for key, (impressions, clicks, spend, rows) in told.items():
            assert campaigns[key][:2] == (impressions, clicks)
            assert abs(campaigns[key][2] - spend) * 100 <= rows, "each row is rounded by itself"


def token_of(api: Sandbox, number: int = 1) -> str:
    """The token of an account of the sandbox."""
    return api.truth("yandex_direct")["tokens"][number - 1]


def pointed_at(api: Sandbox) -> dict[str, Any]:
    """Settings of a loader that reads the sandbox's first account."""
    return {"yandex_direct_base_url": f"{api.url}/api/yandex_direct", "yandex_direct_token": token_of(api)}


def as_setting(api: Sandbox, numbers: Sequence[int]) -> str:
    """YANDEX_DIRECT_ACCOUNTS of these accounts, under their logins."""
    told = api.truth("yandex_direct")
    return json.dumps([{"name": told["logins"][n - 1], "token": told["tokens"][n - 1]} for n in numbers])


@pytest.fixture(scope="session")
def frozen_season() -> bytes:
    """A small season of one account, made once; every test thaws its own."""
    return pickle.dumps(make_season(**SMALL))


@pytest.fixture
def api(frozen_season: bytes) -> Iterator[Sandbox]:
    """The small season's sandbox, with limits far away."""
    with running_sandbox(pickle.loads(frozen_season), **SMALL, **UNLIMITED) as running:
        yield running


@pytest.fixture
def bare_loader(engine, tmp_path: Path) -> Loader:
    """A loader on an empty warehouse, without an API."""
    warehouse_engine.empty(engine)
    return Loader(engine, tmp_path, {})


@pytest.fixture
def loader(bare_loader: Loader, api: Sandbox) -> Loader:
    """A loader of the sandbox's first account."""
    return bare_loader.having(**pointed_at(api))
