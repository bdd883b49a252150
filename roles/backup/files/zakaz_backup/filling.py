"""Tables filled from a backup and compared with its figures: what a drill and a restore have in common."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from zakaz_clickhouse.connection import Connection, value
from zakaz_clickhouse.failures import EngineFailure
from zakaz_clickhouse.literals import quote

from . import checksums, encryption
from .containers import BackupFolder
from .failures import DataFailure
from .figures import differences, figures, quoted
from .manifest import DATA, FIGURES, HOST, MANIFEST, Content, Manifest, read_content, read_manifest, release

_SHOWN = 5


def verified(folder: Path, identity: str) -> tuple[Manifest, Content]:
    """Prove a backup's files by their checksums, then read what it says of itself.

    :raises DataFailure: a file is damaged or missing.
    :raises RefusedFailure: it is encrypted for another key.
    """
    checksums.verify(folder, [MANIFEST])
    manifest = read_manifest((folder / MANIFEST).read_bytes(), folder.name)
    suffix = encryption.SUFFIX if manifest.encrypted else ""
    checksums.verify(folder, [f"{part}{suffix}" for part in (FIGURES, DATA, HOST)])
    with encryption.opened(folder / f"{FIGURES}{suffix}", identity) as stream:
        return manifest, read_content(stream.read(), folder.name)


def placed(folder: Path, manifest: Manifest, target: BackupFolder, identity: str) -> None:
    """Unpack a backup into an engine's backup folder."""
    target.remove(manifest.name)
    suffix = encryption.SUFFIX if manifest.encrypted else ""
    with encryption.opened(folder / f"{DATA}{suffix}", identity) as stream:
        target.place(stream)


def structure(connection: Connection, name: str, targets: Mapping[str, str], *, alone: bool = False) -> None:
    """Make the tables, empty and without merges: a merge would collapse rows before they are counted.

    :param name: the backup, in the engine's backup folder.
    :param targets: new table by the table in the backup.
    :param alone: the engine holds nothing else, so one statement stops all merges.
    """
    _restore(connection, name, targets, "SETTINGS structure_only = 1")
    for target in [""] if alone else map(quoted, targets.values()):
        connection.execute(f"SYSTEM STOP MERGES {target}")


def data(connection: Connection, name: str, targets: Mapping[str, str]) -> float:
    """Fill the tables; return the seconds it took.

    :raises DataFailure: the engine finds the backup damaged.
    """
    started = time.monotonic()
    _restore(connection, name, targets, "")
    return time.monotonic() - started


def _restore(connection: Connection, name: str, targets: Mapping[str, str], settings: str) -> None:
    if not targets:
        return
    listed = ", ".join(f"TABLE {quoted(source)} AS {quoted(target)}" for source, target in sorted(targets.items()))
    try:
        connection.execute(f"RESTORE {listed} FROM File({quote(name)}) {settings}")
    except EngineFailure as failure:
        raise DataFailure(f"{name} cannot be restored: {failure.text[:400]}. Use another backup.") from failure


def compare(connection: Connection, manifest: Manifest, content: Content, targets: Mapping[str, str]) -> None:
    """Compare filled tables with what the backup says they held.

    :raises DataFailure: a table differs, or cannot be read to its end.
    """
    same_release = release(str(value(connection, "SELECT version()"))) == release(manifest.engine_version)
    expected = {target: content.tables[source] for source, target in targets.items()}
    try:
        found = figures(connection, targets.values())
    except EngineFailure as failure:
        raise DataFailure(
            f"{manifest.name} is damaged: a restored table cannot be read ({failure.text[:300]}). Use another backup."
        ) from failure
    said = differences(expected, found, digests=same_release)
    if said:
        more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
        raise DataFailure(
            f"{manifest.name} does not restore to what was backed up: {'; '.join(said[:_SHOWN])}{more}. "
            "Use another backup."
        )
