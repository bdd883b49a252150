"""What must hold on any ClickHouse server: bootstrapped twice from nothing, its schema is the declared one.

The server is the one that CLICKHOUSE_HOST, CLICKHOUSE_PORT, CLICKHOUSE_USER and CLICKHOUSE_PASSWORD name, with
CLICKHOUSE_IMAGE for the throw-away engine: pipelines give an official one. Without them it is the embedded ClickHouse.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from tests.modules.clickhouse_server import PASSWORD, REPOSITORY, SCRATCH, Server
from tests.modules.run_module import run_module
from tests.schema.rendering import rendered

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Parameters of clickhouse_schema for the server."""
    host = os.environ.get("CLICKHOUSE_HOST")
    if host:
        image = os.environ["CLICKHOUSE_IMAGE"]
        engine = ["docker", "run", "--rm", "--interactive", "--network=none", "--entrypoint=clickhouse", image]
        yield {
            "host": host,
            "port": int(os.environ.get("CLICKHOUSE_PORT", "8123")),
            "username": os.environ.get("CLICKHOUSE_USER", "default"),
            "password": os.environ.get("CLICKHOUSE_PASSWORD", ""),
            "scratch_command": [*engine, "local", "--multiquery"],
        }
        return
    embedded = Server(tmp_path_factory.mktemp("server") / "root")
    yield {
        "host": "127.0.0.1",
        "port": embedded.port,
        "username": "admin",
        "password": PASSWORD,
        "scratch_command": SCRATCH,
    }
    embedded.stop()


def bootstrap(server: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    names = {"host": "CLICKHOUSE_HOST", "port": "CLICKHOUSE_PORT", "username": "CLICKHOUSE_USER"}
    names["password"] = "CLICKHOUSE_PASSWORD"
    return subprocess.run(
        [str(REPOSITORY / "scripts/bootstrap_clickhouse.sh")],
        env={**os.environ, **{variable: str(server[name]) for name, variable in names.items()}},
        capture_output=True,
        text=True,
        check=False,
    )


def drift(server: dict[str, Any]) -> dict[str, Any]:
    """What the module would change, and what stands apart."""
    documents = [{"name": name, "content": text} for name, text in rendered().items()]
    return run_module("clickhouse_schema", documents=documents, report=True, fast=False, check=True, **server)


def test_bootstrapped_twice_the_schema_is_the_declared_one(server):
    for attempt in ("first", "second"):
        done = bootstrap(server)
        assert (done.returncode, done.stderr) == (0, ""), attempt
        assert "none failed" in done.stdout
    found = drift(server)
    assert (found["changed"], found["plan"]) == (False, [])
    assert not any(found["drift"].values()), found["drift"]


def test_a_dropped_table_is_drift_and_bootstrapping_mends_it(server):
    assert bootstrap(server).returncode == 0
    answer = urllib3.request(
        "POST",
        f"http://{server['host']}:{server['port']}/",
        body=b"DROP TABLE zakaz.plan_sales SYNC",
        headers={"X-ClickHouse-User": server["username"], "X-ClickHouse-Key": server["password"]},
    )
    assert answer.status == 200, answer.data
    found = drift(server)
    assert any("zakaz.plan_sales" in line for line in found["summary"])
    assert bootstrap(server).returncode == 0
    assert drift(server)["plan"] == []
