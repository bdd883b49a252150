"""A warehouse with the real schema, and a loader pointed at it and at the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import warehouse_engine
from vk_ads import __version__
from vk_ads.load import LOADER, backfill, run
from vk_ads.settings import VkAdsSettings
from zakaz_common.deadline import Deadline
from zakaz_common.run import run_loader
from zakaz_common.warehouse import Warehouse


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory):
    """The engine in this process."""
    return warehouse_engine.engine(str(tmp_path_factory.mktemp("clickhouse")))


@dataclass
class Loader:
    """The loader as an operator runs it, without a container around it."""

    client: Any
    state_dir: Path
    settings: dict[str, Any]
    waits: list[float] = field(default_factory=list)

    def with_settings(self, **changes: Any) -> Loader:
        """The same loader with other settings."""
        return Loader(self.client, self.state_dir, {**self.settings, **changes}, self.waits)

    def run(self, work: Callable[..., None] = run, *, mode: str = "run") -> int:
        """One run; returns the exit code. Waits are counted, not slept."""
        settings = VkAdsSettings(
            clickhouse_host="in-process",
            clickhouse_user="loader_vk",
            clickhouse_password="x",
            loader_state_dir=self.state_dir,
            vk_ads_requests_per_second=1000,
            **self.settings,
        )
        deadline = Deadline(settings.loader_deadline_seconds, sleep=self.waits.append)
        warehouse = Warehouse.from_client(self.client, deadline)
        return run_loader(
            LOADER, settings, work, mode=mode, version=__version__, warehouse=warehouse, deadline=deadline
        )

    def backfill(self, first: date, last: date) -> int:
        """One backfill; returns the exit code."""
        return self.run(lambda context: backfill(context, first, last), mode="backfill")

    def rows(self, sql: str) -> list[tuple]:
        """Rows of a query."""
        return [tuple(row) for row in self.client.query(sql).result_rows]

    def last_run(self, *columns: str) -> tuple:
        """Columns of the last row of meta.etl_runs."""
        return self.rows(f"SELECT {', '.join(columns)} FROM meta.etl_runs ORDER BY _loaded_at, started_at")[-1]


@pytest.fixture
def loader(engine, tmp_path: Path) -> Loader:
    """A loader on an empty warehouse; tests add the address of an API."""
    warehouse_engine.empty(engine)
    return Loader(
        engine, tmp_path, {"vk_ads_client_id": "sandbox-vk-client", "vk_ads_client_secret": "sandbox-vk-secret"}
    )
