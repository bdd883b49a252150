"""Fixtures: one server for all tests that only ask it, a fresh one for those that break it."""

from __future__ import annotations

import pytest
from running_server import RunningServer


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = RunningServer(tmp_path_factory.mktemp("server")).start()
    for sql in (
        "CREATE DATABASE shop",
        "CREATE DATABASE bi",
        "CREATE TABLE shop.sales (id UInt64, price Decimal(18, 2), name String) ENGINE = MergeTree ORDER BY id",
        "CREATE TABLE shop.secrets (secret String) ENGINE = MergeTree ORDER BY secret",
        "INSERT INTO shop.secrets VALUES ('salt')",
        "INSERT INTO shop.sales VALUES (1, 10.50, 'one'), (2, 20.25, 'two')",
        "CREATE VIEW bi.v_sales DEFINER = default SQL SECURITY DEFINER AS SELECT id, price FROM shop.sales",
    ):
        running.value(sql)
    yield running
    assert running.stop() == 0


@pytest.fixture
def own_server(tmp_path):
    """A server that the test may stop and kill; not started yet."""
    running = RunningServer(tmp_path)
    yield running
    if running.process is not None:
        running.stop(9)
