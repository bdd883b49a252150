"""Runs of the program as rows of meta.backup_runs; the backups themselves know their verdicts."""

from __future__ import annotations

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

from zakaz_clickhouse.connection import Connection, append
from zakaz_clickhouse.failures import ClickHouseFailure

_MOSCOW = ZoneInfo("Europe/Moscow")
TABLE = "meta.backup_runs"


def write(
    connection: Connection,
    kind: str,
    name: str,
    started_at: datetime,
    *,
    error: str = "",
    size_bytes: int = 0,
    tables: int = 0,
    rows: int = 0,
    engine_version: str = "",
) -> str:
    """Append a row.

    :param kind: backup, drill or restore.
    :param error: empty for success.
    :returns: why the row could not be written, or an empty text: a journal that fails does not undo the work.
    """
    row = {
        "run_id": str(uuid.uuid4()),
        "kind": kind,
        "name": name,
        "status": "failed" if error else "success",
        "started_at": _moscow(started_at),
        "finished_at": _moscow(datetime.now(_MOSCOW)),
        "size_bytes": size_bytes,
        "tables": tables,
        "rows": rows,
        "engine_version": engine_version,
        "error": error[:1000],
    }
    try:
        append(connection, TABLE, [row])
    except ClickHouseFailure as failure:
        return str(failure)
    return ""


def _moscow(at: datetime) -> str:
    return at.astimezone(_MOSCOW).strftime("%Y-%m-%d %H:%M:%S")
