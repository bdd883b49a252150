"""Free space, looked at before anything is written."""

# ruff: noqa: S608 - names come from the settings and are quoted
from __future__ import annotations

import shutil
from collections.abc import Iterable

from zakaz_clickhouse.connection import Connection, rows, value
from zakaz_clickhouse.literals import quote

from .failures import BackupFailure
from .settings import Settings

_GB = 1e9
# for a drill or a restore: the unpacked backup and the restored tables
COPIES_OF_A_RESTORE = 2


def data_bytes(connection: Connection, databases: Iterable[str]) -> int:
    """Bytes the databases take on disk."""
    inside = ", ".join(quote(name) for name in databases)
    return int(
        value(
            connection, f"SELECT toString(sum(bytes_on_disk)) FROM system.parts WHERE active AND database IN ({inside})"
        )
    )


def require(connection: Connection, settings: Settings, needed_in_engine: int, needed_in_folder: int) -> None:
    """Refuse to begin what would fill a disk.

    :param needed_in_engine: bytes written where ClickHouse keeps its data and backups.
    :param needed_in_folder: bytes written to ``backup_dir``.
    :raises BackupFailure: a disk has less; the sentence says how much is missing.
    """
    disk = rows(connection, "SELECT toString(min(free_space)) AS c_free, toString(min(total_space)) AS c_total FROM system.disks")[0]  # fmt: skip # noqa: E501
    folder = shutil.disk_usage(settings.folder)
    engine_free = min(int(disk["c_free"]), folder.free) if int(disk["c_total"]) == folder.total else int(disk["c_free"])
    same_disk = int(disk["c_total"]) == folder.total
    needed = [
        ("ClickHouse's disk", engine_free, needed_in_engine + (needed_in_folder if same_disk else 0)),
        (f"backup_dir={settings.folder}", folder.free, needed_in_folder),
    ]
    for where, free, wanted in needed:
        if free < wanted + settings.reserve_bytes:
            raise BackupFailure(
                f"{where} has {free / _GB:.1f} GB free, {(wanted + settings.reserve_bytes) / _GB:.1f} GB are needed "
                f"(backup_reserve_gb={settings.reserve_bytes / _GB:g} of them stay free). Free some, lower "
                "backup_keep_daily, or give backup_dir a bigger disk."
            )
