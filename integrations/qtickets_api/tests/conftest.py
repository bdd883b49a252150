"""A warehouse with the real schema, a sandbox of the API, and the loader between them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from api_sandbox.season.generator import Season
from api_sandbox.testing import Sandbox, running_sandbox
from qtickets_api import LOADER, __version__, load
from qtickets_api.settings import QticketsSettings
from truth import STAGING, sales_by_city, shown_sales, staging_truth
from zakaz_common.run_log import configure_logs
from zakaz_common.testing import warehouse_engine
from zakaz_common.testing.loader_under_test import LoaderUnderTest


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The engine in this process."""
    return warehouse_engine.engine(str(tmp_path_factory.mktemp("clickhouse")))


class Loader(LoaderUnderTest):
    """The Qtickets loader."""

    NAME, VERSION, SETTINGS = LOADER, __version__, QticketsSettings
    WORK, BACKFILL = load.run, load.backfill
    DEFAULTS: ClassVar = {"qtickets_requests_per_second": 1000, "qtickets_optional_datasets": "none"}

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
