"""Backups without Docker: two embedded engines as processes, the live one and the throw-away one of the drills."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pytest
from zakaz_backup import drill as drills
from zakaz_backup import run_lock
from zakaz_backup.backups import Verdict
from zakaz_backup.manifest import Manifest
from zakaz_backup.restore import Request, restore
from zakaz_backup.settings import Settings
from zakaz_backup.store import MARKER, FolderStore
from zakaz_backup.take import Source, take
from zakaz_clickhouse.connection import HttpConnection, rows

from tests.modules.clickhouse_server import PASSWORD, Server

TABLES = """
CREATE DATABASE zakaz COMMENT 'склад';
CREATE DATABASE bi;
CREATE DATABASE meta;
CREATE TABLE zakaz.stg_orders (order_id UInt64, city LowCardinality(String), price Decimal(18, 2), paid_at
    Nullable(DateTime('Europe/Moscow')), _ver UInt64, _is_deleted UInt8 DEFAULT 0)
    ENGINE = ReplacingMergeTree(_ver, _is_deleted) ORDER BY order_id COMMENT 'заказы';
CREATE TABLE zakaz.dm_sales (d Date, city String, revenue Decimal(18, 2), _ver UInt64)
    ENGINE = ReplacingMergeTree(_ver) PARTITION BY toYear(d) ORDER BY (d, city);
CREATE TABLE zakaz.plan (month Date, ratio Float64) ENGINE = MergeTree ORDER BY month;
CREATE TABLE meta.watermarks (loader String, watermark DateTime('Europe/Moscow'), _ver UInt64)
    ENGINE = ReplacingMergeTree(_ver) ORDER BY loader;
CREATE TABLE meta.schema_journal (live_fingerprint String) ENGINE = MergeTree ORDER BY tuple();
CREATE TABLE meta.backup_runs (run_id UUID, kind String, name String, status String, started_at
    DateTime('Europe/Moscow'), finished_at DateTime('Europe/Moscow'), size_bytes UInt64, tables UInt32, rows UInt64,
    engine_version String, error String) ENGINE = MergeTree ORDER BY (started_at, run_id);
CREATE VIEW bi.v_sales AS SELECT d, city, revenue FROM zakaz.dm_sales FINAL;
INSERT INTO zakaz.stg_orders SELECT number, ['томск', 'орёл'][number % 2 + 1], toDecimal64(number, 2) / 3,
    if(number % 3 = 0, NULL, toDateTime('2026-01-01 00:00:00', 'Europe/Moscow') + number), 1, 0 FROM numbers(1000);
INSERT INTO zakaz.stg_orders SELECT number, 'томск', 100, NULL, 2, 0 FROM numbers(10);
INSERT INTO zakaz.dm_sales SELECT toDate('2025-12-30') + number % 5, 'томск', number, number FROM numbers(50);
INSERT INTO zakaz.plan VALUES ('2026-01-01', 0.1), ('2026-02-01', 0.2);
INSERT INTO meta.watermarks VALUES ('ticket_shop', '2026-01-03 00:00:00', 1)
"""


class LocalFolder:
    """The backup folder of an engine that runs as a process here."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        pass

    @contextmanager
    def export(self, name: str) -> Iterator[IO[bytes]]:
        # a real file: programs read it as their input
        with tempfile.TemporaryFile() as packed:
            with tarfile.open(fileobj=packed, mode="w") as archive:
                archive.add(self.path / name, name)
            packed.seek(0)
            yield packed

    def place(self, stream: IO[bytes]) -> None:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            archive.extractall(self.path, filter="fully_trusted")

    def remove(self, name: str) -> None:
        shutil.rmtree(self.path / name, ignore_errors=True)


@dataclass
class Site:
    """A deployment: its engine, the engine of its drills and its backups."""

    settings: Settings
    connection: HttpConnection
    folder: LocalFolder
    spare: HttpConnection
    spare_folder: LocalFolder

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.settings.folder)

    def sql(self, script: str) -> None:
        for statement in script.split(";\n"):
            if statement.strip():
                self.connection.execute(statement)

    def ask(self, sql: str) -> list[dict]:
        return rows(self.connection, sql)

    def backup(self, **changed: object) -> Manifest:
        settings = replace(self.settings, **changed)
        with run_lock.held(settings.folder, "backup"):
            return take(settings, self.store, Source(self.connection, self.folder, "none"))

    def drill(self, name: str, identity: str = "") -> Verdict:
        return drills.drill(self.store, name, self._throwaway, identity)

    @contextmanager
    def _throwaway(self) -> Iterator[tuple[HttpConnection, LocalFolder]]:
        empty(self.spare)
        yield self.spare, self.spare_folder

    def restore(self, name: str, request: Request | None = None, **changed: object) -> dict:
        settings = replace(self.settings, **changed)
        folder = settings.folder / name
        return restore(settings, self.connection, self.folder, folder, request or Request(confirmed=True))

    def content(self) -> dict[str, list[dict]]:
        """Every row a reader sees, by table."""
        return {
            table: self.ask(f"SELECT * FROM {table} FINAL ORDER BY ALL")
            for table in ("zakaz.stg_orders", "zakaz.dm_sales", "meta.watermarks")
        } | {name: self.ask(f"SELECT * FROM {name} ORDER BY ALL") for name in ("zakaz.plan", "bi.v_sales")}


def empty(connection: HttpConnection) -> None:
    """Drop every database of ours."""
    for database in rows(connection, "SELECT name FROM system.databases WHERE engine = 'Atomic' AND name != 'default'"):
        connection.execute(f"DROP DATABASE IF EXISTS `{database['name']}` SYNC")


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[HttpConnection, LocalFolder]]]:
    servers, found = [], []
    for name in ("live", "spare"):
        root = tmp_path_factory.mktemp(name) / "root"
        servers.append(Server(root))
        found.append((HttpConnection("127.0.0.1", servers[-1].port, "admin", PASSWORD), LocalFolder(root / "backups")))
    yield found
    for server in servers:
        server.stop()


@pytest.fixture
def site(engines: list[tuple[HttpConnection, LocalFolder]], tmp_path: Path) -> Site:
    """A deployment with a few tables and no backup yet."""
    (connection, folder), (spare, spare_folder) = engines
    for each in (connection, spare):
        empty(each)
    backups = tmp_path / "backups"
    config = tmp_path / "clickhouse"
    (config / "users.d").mkdir(parents=True)
    (config / "users.d" / "zakaz.xml").write_text("<clickhouse/>", encoding="utf-8")
    (tmp_path / "ad_network.env").write_text("AD_NETWORK_SECRET=hidden\n", encoding="utf-8")
    backups.mkdir()
    (backups / MARKER).touch()
    settings = Settings(
        project="zakaz-test",
        commit="0123abc",
        folder=backups,
        databases=("zakaz", "bi", "meta"),
        host="127.0.0.1",
        port=0,
        username="admin",
        password=PASSWORD,
        timeout=60,
        container="none",
        zakaz_dir=tmp_path,
        config_dir=config,
        state_volumes={},
        drill_memory="1g",
        start_timeout=60,
        keep_daily=7,
        keep_weekly=4,
        reserve_bytes=0,
        age_recipient="",
        age_identity="",
        s3=None,
        metrics_file="",
    )
    made = Site(settings, connection, folder, spare, spare_folder)
    made.sql(TABLES)
    return made


@pytest.fixture
def changed(site: Site) -> Callable[[], None]:
    """Changes live data after a backup, so that a restore is seen."""

    def change() -> None:
        site.sql(
            "INSERT INTO zakaz.stg_orders SELECT 5000 + number, 'орёл', 1, NULL, 3, 0 FROM numbers(7);\n"
            "TRUNCATE TABLE zakaz.plan;\n"
            "INSERT INTO meta.watermarks VALUES ('ticket_shop', '2026-02-01 00:00:00', 2)"
        )

    return change
