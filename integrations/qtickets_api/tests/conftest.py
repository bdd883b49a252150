"""A warehouse with the real schema, a sandbox of the API, and the loader between them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import warehouse_engine
from api_sandbox.generator import Season
from api_sandbox.testing import Sandbox, running_sandbox
from qtickets_api import LOADER, __version__, load
from qtickets_api.settings import QticketsSettings
from truth import STAGING, sales_by_city, shown_sales, staging_truth
from zakaz_common.deadline import Deadline
from zakaz_common.run import run_loader
from zakaz_common.run_log import configure_logs
from zakaz_common.warehouse import Warehouse


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The engine in this process."""
    return warehouse_engine.engine(str(tmp_path_factory.mktemp("clickhouse")))


@dataclass
class Loader:
    """The loader as an operator runs it, without a container around it. Waits are counted, not slept."""

    client: Any
    state_dir: Path
    settings: dict[str, Any]
    waits: list[float] = field(default_factory=list)
    latest: list[str] = field(default_factory=list)

    def having(self, **changes: Any) -> "Loader":
        """The same loader with other settings."""
        return replace(self, settings={**self.settings, **changes})

    def configured(self) -> QticketsSettings:
        return QticketsSettings(
            **{
                "clickhouse_host": "in-process",
                "clickhouse_user": "loader_qtickets",
                "clickhouse_password": "x",
                "loader_state_dir": self.state_dir,
                "qtickets_requests_per_second": 1000,
                "qtickets_optional_datasets": "none",
                **self.settings,
            }
        )

    def run(self, work: Callable[..., None] = load.run, *, mode: str = "run", client: Any = None) -> int:
        """One run; returns the exit code."""
        settings = self.configured()
        deadline = Deadline(settings.loader_deadline_seconds, sleep=self.waits.append)
        warehouse = Warehouse.from_client(client or self.client, deadline)
        before = self._run_ids()
        code = run_loader(
            LOADER, settings, work, mode=mode, version=__version__, warehouse=warehouse, deadline=deadline
        )
        self.latest[:] = self._run_ids() - before
        return code

    def backfill(self, first: date, last: date) -> int:
        return self.run(lambda context: load.backfill(context, first, last), mode="backfill")

    def rows(self, sql: str) -> list[tuple]:
        return [tuple(row) for row in self.client.query(sql).result_rows]

    def one(self, sql: str) -> Any:
        return self.rows(sql)[0][0]

    def last_run(self, *columns: str) -> tuple:
        """Columns of the row the last run left in meta.etl_runs."""
        (run_id,) = self.latest
        return self.rows(f"SELECT {', '.join(columns)} FROM meta.etl_runs WHERE run_id = '{run_id}'")[0]

    def _run_ids(self) -> set[str]:
        return {row[0] for row in self.rows("SELECT toString(run_id) FROM meta.etl_runs")}

    def staging(self) -> dict[str, dict]:
        """Staging in the shape of truth.staging_truth."""
        found = {}
        for table, (keys, values) in STAGING.items():
            rows = self.rows(f"SELECT {', '.join(keys + values)} FROM zakaz.{table} FINAL")
            found[table] = {row[: len(keys)]: row[len(keys) :] for row in rows}
        return found

    def assert_equal_to(self, season: Season) -> None:
        """Staging equals the season field by field, the view of sales an independent recomputation."""
        found, wanted = self.staging(), staging_truth(season)
        for table in STAGING:
            assert found[table] == wanted[table], f"{table} differs from the source"
        assert shown_sales(self.rows) == sales_by_city(season)


@pytest.fixture
def api() -> Iterator[Sandbox]:
    """A small season: 4 pages of orders, 2 of events."""
    with running_sandbox(orders=180, season_days=45, vk_banners=20) as running:
        yield running


@pytest.fixture
def loader(engine: Any, tmp_path: Path, api: Sandbox) -> Loader:
    """A loader on an empty warehouse, pointed at the sandbox."""
    warehouse_engine.empty(engine)
    configure_logs("info", LOADER)
    return Loader(
        engine,
        tmp_path / "state",
        {"qtickets_base_url": api.qtickets_url, "qtickets_token": api.qtickets_token},
    )
