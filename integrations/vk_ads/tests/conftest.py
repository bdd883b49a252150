"""A warehouse with the real schema, and a loader pointed at it and at the sandbox."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
import warehouse_engine
from api_sandbox.generator import Season
from api_sandbox.moscow_time import today
from api_sandbox.testing import Sandbox, running_sandbox
from truth import city_truth, staging_truth
from vk_ads import __version__
from vk_ads.load import LOADER, backfill, run
from vk_ads.settings import VkAdsSettings
from zakaz_common.deadline import Deadline
from zakaz_common.run import run_loader
from zakaz_common.warehouse import Warehouse


@pytest.fixture(autouse=True)
def plain_logs():
    """Logs as structlog makes them without configuration; the command line configures them for good."""
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory):
    """A client of the engine, which runs beside the tests."""
    return warehouse_engine.engine(str(tmp_path_factory.mktemp("clickhouse")))


@dataclass
class Loader:
    """The loader as an operator runs it, without a container around it."""

    client: Any
    state_dir: Path
    settings: dict[str, Any]
    waits: list[float] = field(default_factory=list)
    last_ids: set[str] = field(default_factory=set)
    read_from: Any = None

    def with_settings(self, **changes: Any) -> Loader:
        """The same loader with other settings."""
        return Loader(self.client, self.state_dir, {**self.settings, **changes}, self.waits)

    def run(self, work: Callable[..., None] = run, *, mode: str = "run") -> int:
        """One run; returns the exit code. Waits pass at once, and are kept."""
        settings = VkAdsSettings(
            clickhouse_host="in-process",
            clickhouse_user="loader_vk",
            clickhouse_password="x",
            loader_state_dir=self.state_dir,
            vk_ads_requests_per_second=1000,
            **self.settings,
        )
        skipped = 0.0

        def skip(seconds: float) -> None:
            nonlocal skipped
            skipped += seconds
            self.waits.append(seconds)

        deadline = Deadline(settings.loader_deadline_seconds, clock=lambda: time.monotonic() + skipped, sleep=skip)
        warehouse = Warehouse.from_client(self.client, deadline)
        before = self._run_ids()
        code = run_loader(
            LOADER, settings, work, mode=mode, version=__version__, warehouse=warehouse, deadline=deadline
        )
        self.last_ids = self._run_ids() - before
        return code

    def _run_ids(self) -> set[str]:
        return {row[0] for row in self.rows("SELECT toString(run_id) FROM meta.etl_runs")}

    def backfill(self, first: date, last: date) -> int:
        """One backfill; returns the exit code."""
        return self.run(lambda context: backfill(context, first, last), mode="backfill")

    def command(self, *arguments: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
        """The loader's command line in a process of its own, with these settings as variables (None: not set)."""
        values = {"CLICKHOUSE_HOST": "127.0.0.1", "CLICKHOUSE_PORT": "1", "CLICKHOUSE_USER": "u"}
        values |= {"CLICKHOUSE_PASSWORD": "p", "LOADER_STATE_DIR": str(self.state_dir)}
        values["VK_ADS_REQUESTS_PER_SECOND"] = "1000"
        values |= {name.upper(): str(value) for name, value in self.settings.items()}
        # what `make coverage` sets reaches the process
        values |= {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        values |= {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **variables}
        environment = {name: value for name, value in values.items() if value is not None}
        return subprocess.run(
            [sys.executable, "-m", "vk_ads", *arguments], env=environment, capture_output=True, text=True, timeout=60
        )

    def rows(self, sql: str) -> list[tuple]:
        """Rows of a query."""
        return [tuple(row) for row in (self.read_from or self.client).query(sql).result_rows]

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

    def last_run(self, *columns: str) -> tuple:
        """Columns of the last run's row in meta.etl_runs."""
        [run_id] = self.last_ids
        return self.rows(f"SELECT {', '.join(columns)} FROM meta.etl_runs WHERE run_id = '{run_id}'")[0]


@pytest.fixture
def http_port(engine) -> int:
    """Port of the engine's HTTP interface."""
    return urlsplit(engine.url).port


@pytest.fixture(scope="session")
def frozen_season() -> bytes:
    """A small season of one cabinet, made once; every test thaws its own."""
    return pickle.dumps(
        Season(seed=1, orders=100, season_end=today() - timedelta(days=1), season_days=45, vk_banners=60)
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
    return bare_loader.with_settings(
        vk_ads_base_url=api.url, vk_ads_client_id=client_id, vk_ads_client_secret=secret, vk_ads_account_name=name
    )
