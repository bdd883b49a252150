"""The proof of a backup: restored into a throw-away ClickHouse, every table compared with the source's figures."""

# ruff: noqa: S608 - names come from the manifest and are quoted
from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from zakaz_clickhouse.connection import Connection, value
from zakaz_clickhouse.failures import EngineFailure
from zakaz_clickhouse.literals import quote

from . import filling
from .backups import VERDICT, Verdict, sums_digest
from .containers import BackupFolder
from .failures import DataFailure, RefusedFailure
from .figures import quoted
from .manifest import Content, Manifest
from .store import Store

Throwaway = Callable[[], AbstractContextManager[tuple[Connection, BackupFolder]]]


def drill(store: Store, name: str, throwaway: Throwaway, identity: str, *, record: bool = True) -> Verdict:
    """Restore a backup into a throw-away engine and compare.

    :param throwaway: starts an empty engine.
    :param identity: file of the secret key.
    :param record: keep the verdict beside the backup; off for another image than the one that runs.
    :raises BackupFailure: nothing could be found out, for instance because no engine came up.
    """
    started = time.monotonic()
    restore_seconds, engine_version, reason = 0.0, "", ""
    try:
        folder = store.fetch(name)
        manifest, content = filling.verified(folder, identity)
        with throwaway() as (connection, backup_folder):
            engine_version = str(value(connection, "SELECT version()"))
            restore_seconds = _rehearse(connection, backup_folder, folder, manifest, content, identity)
    except (DataFailure, RefusedFailure) as failure:
        reason = str(failure)
    finally:
        store.release()
    verdict = Verdict(
        passed=not reason,
        reason=reason,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - started, 1),
        restore_seconds=round(restore_seconds, 1),
        engine_version=engine_version,
        sums=sums_digest(store, name),
    )
    if record:
        store.write(name, VERDICT, verdict.text())
    return verdict


def _rehearse(
    connection: Connection,
    backup_folder: BackupFolder,
    folder: Path,
    manifest: Manifest,
    content: Content,
    identity: str,
) -> float:
    filling.placed(folder, manifest, backup_folder, identity)
    for database in manifest.databases:
        connection.execute(f"CREATE DATABASE IF NOT EXISTS `{database}`")
    targets = {table: table for table in content.tables}
    filling.structure(connection, manifest.name, targets, alone=True)
    seconds = filling.data(connection, manifest.name, targets)
    filling.compare(connection, manifest, content, targets)
    if content.views:
        listed = ", ".join(f"VIEW {quoted(view)}" for view in sorted(content.views))
        try:
            connection.execute(f"RESTORE {listed} FROM File({quote(manifest.name)})")
            for view in content.views:
                # resolved to the last column, and not computed: that took longer than all the rest, and memory too
                connection.execute(f"SELECT * FROM {quoted(view)} LIMIT 0")
        except EngineFailure as failure:
            raise DataFailure(f"The views of {manifest.name} do not answer: {failure.text[:300]}.") from failure
    return seconds


def require_passed(verdict: Verdict, name: str) -> None:
    """Turn a failed verdict into a failure of the run.

    :raises DataFailure: the drill did not pass.
    """
    if not verdict.passed:
        raise DataFailure(f"The drill of {name} failed, so it does not count as a backup: {verdict.reason}")
