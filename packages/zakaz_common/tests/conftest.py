"""The engine in process with the project's schema, and a deadline that waits for nothing."""

import pytest
import structlog
from zakaz_common.deadline import Deadline
from zakaz_common.run_log import configure_logs
from zakaz_common.testing import warehouse_engine
from zakaz_common.warehouse import Warehouse


class Clock:
    """A clock that sleeping moves on: waits are seen, not waited for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def deadline(self, seconds: float = 600) -> Deadline:
        return Deadline(seconds, clock=lambda: self.now, sleep=self.sleep)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    return warehouse_engine.engine(str(tmp_path_factory.mktemp("clickhouse")))


@pytest.fixture
def client(engine):
    """The engine with empty tables."""
    warehouse_engine.empty(engine)
    return engine


@pytest.fixture
def warehouse(client, clock) -> Warehouse:
    return Warehouse.from_client(client, clock.deadline())


@pytest.fixture(autouse=True)
def logs():
    """Logs as a loader has them."""
    configure_logs("info", "test")
    yield
    structlog.reset_defaults()
