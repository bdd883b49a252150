"""The warehouse for tests: the real engine behind its HTTP interface, with the schema of templates/ddl."""

import atexit
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import clickhouse_connect
from zakaz_schema.statements import split_statements
from zakaz_schema.templates import rendered_schema, role_defaults

REPOSITORY = Path(__file__).resolve().parents[5]


def schema_statements() -> list[str]:
    """The rendered DDL in order, with the defaults of the schema role."""
    defaults = role_defaults(REPOSITORY / "roles/clickhouse_schema/defaults/main.yml")
    texts = rendered_schema(REPOSITORY / "templates/ddl", defaults)
    return [statement.sql for name, text in texts.items() for statement in split_statements(text, name)]


def start_server(path: Path) -> int:
    """Start the embedded ClickHouse with its data in `path`, until this process ends; returns its port.

    In a process of its own: the engine in this one would need pandas and pyarrow to hand out rows.
    """
    for name in ("config/users.d", "data", "backups"):
        (path / name).mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "clickhouse_embedded", "server", "--port", str(port)]
    command += ["--data", str(path / "data"), "--config", str(path / "config"), "--backups", str(path / "backups")]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "services/clickhouse_embedded/src")}
    with (path / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    atexit.register(process.kill)
    give_up = time.monotonic() + 60
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError(f"the engine did not start: {(path / 'server.log').read_text()[-500:]}")
        time.sleep(0.05)
    return port


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2):
            return True
    except OSError:
        return False


def engine(path: str | Path) -> Any:
    """A client of an engine whose data are in `path`, with the schema applied."""
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=start_server(Path(path)), autogenerate_session_id=False
    )
    for statement in schema_statements():
        client.command(statement)
    return client


def empty(client: Any) -> None:
    """Remove all rows, except the seeded city aliases."""
    tables = client.query(
        "SELECT database || '.' || name FROM system.tables WHERE database IN ('zakaz', 'meta') "
        "AND engine LIKE '%MergeTree' AND name != 'dim_city_alias' AND total_rows > 0"
    ).result_rows
    for (table,) in tables:
        client.command(f"TRUNCATE TABLE {table}")
