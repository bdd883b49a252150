"""A backup, from the snapshot to the published files."""

# ruff: noqa: S608 - names come from the catalogue and are quoted
from __future__ import annotations

import io
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from zakaz_clickhouse.connection import Connection, rows, value
from zakaz_clickhouse.failures import EngineFailure
from zakaz_clickhouse.literals import quote
from zakaz_schema import journal as schema_journal

from . import checksums, encryption, host_files, snapshot, space
from .containers import BackupFolder
from .failures import BackupFailure, RefusedFailure
from .figures import figures, quoted
from .manifest import DATA, FIGURES, HOST, MANIFEST, Content, Manifest, backup_name, parsed_name
from .settings import Settings
from .store import PARTIAL, Store

_CLONED = "MergeTree"
_VIEW = "View"


@dataclass(frozen=True)
class Source:
    """What a backup is made of: the live engine, its backup folder and an image to look into volumes with."""

    connection: Connection
    folder: BackupFolder
    image: str


def take(settings: Settings, store: Store, source: Source) -> Manifest:
    """Make a backup and publish it; without a drill it does not count yet.

    :raises BackupFailure: nothing was published, and nothing is left behind.
    """
    connection = source.connection
    started = datetime.now(UTC)
    name = backup_name(settings.project, started)
    needed = space.data_bytes(connection, settings.databases)
    remove_leftovers(settings, source)
    store.sweep(settings.project)
    # the unpacked backup and the restored tables of the drill are more than ClickHouse's own copy, which goes before
    space.require(connection, settings, space.COPIES_OF_A_RESTORE * needed, needed)
    partial = settings.folder / f"{name}{PARTIAL}"
    partial.mkdir(mode=0o700)
    try:
        source.folder.prepare()
        content = _backup(settings, source, name)
        sums, size = _files(settings, source, name, content, partial)
        manifest = _manifest(settings, connection, name, started, content, size)
        _small_file(partial, MANIFEST, manifest.text(), "", sums)
        checksums.write_stream(io.BytesIO(checksums.text(sums).encode()), partial / checksums.FILE)
        store.publish(partial, name)
        return manifest
    finally:
        source.folder.remove(name)
        shutil.rmtree(partial, ignore_errors=True)


def remove_leftovers(settings: Settings, source: Source) -> None:
    """Clear what an interrupted run left; the lock says that none is at work."""
    snapshot.drop(source.connection)
    for path in settings.folder.glob(f"*{PARTIAL}"):
        parsed = parsed_name(path.name.removesuffix(PARTIAL))
        if parsed and parsed[0] == settings.project:
            source.folder.remove(path.name.removesuffix(PARTIAL))
            shutil.rmtree(path)


def _backup(settings: Settings, source: Source, name: str) -> Content:
    """Run BACKUP on clones of all tables, and on the views; return what it holds."""
    connection = source.connection
    engines = snapshot.catalogue(connection, settings.databases)
    if not engines:
        raise RefusedFailure(f"ClickHouse holds none of {', '.join(settings.databases)}; run make deploy first.")
    views = [table for table, engine in engines.items() if engine.endswith(_VIEW)]
    cloned = [table for table, engine in engines.items() if engine.endswith(_CLONED)]
    others = [table for table in engines if table not in views and table not in cloned]
    with snapshot.taken(connection, settings.databases, cloned) as clones:
        sources = clones | {table: table for table in others}
        listed = [f"TABLE {quoted(clone)} AS {quoted(table)}" for table, clone in sources.items()]
        listed += [f"VIEW {quoted(view)}" for view in views]
        found = figures(connection, sources.values())
        try:
            connection.execute(f"BACKUP {', '.join(listed)} TO File({quote(name)})")
        except EngineFailure as failure:
            raise BackupFailure(f"ClickHouse cannot write the backup: {failure.text[:400]}.") from failure
    inside = ", ".join(map(quote, views)) or "''"
    definitions = rows(
        connection,
        "SELECT concat(database, '.', name) AS c_name, create_table_query FROM system.tables "
        f"WHERE c_name IN ({inside})",
    )
    return Content(
        tables={table: found[clone] for table, clone in sources.items()},
        views={row["c_name"]: row["create_table_query"] for row in definitions},
    )


def _files(
    settings: Settings, source: Source, name: str, content: Content, partial: Path
) -> tuple[dict[str, str], int]:
    """Write the data, the host's files and the figures; return checksums by file and the bytes of all."""
    suffix = encryption.SUFFIX if settings.encrypted else ""
    sums: dict[str, str] = {}
    with source.folder.export(name) as plain, encryption.sealed(plain, settings.age_recipient) as stream:
        sums[f"{DATA}{suffix}"], size = checksums.write_stream(stream, partial / f"{DATA}{suffix}")
    # no longer needed, and its space is the drill's
    source.folder.remove(name)
    with tempfile.TemporaryFile(dir=partial) as packed:
        host_files.write(settings, source.image, packed)
        size += _stream(packed, partial, HOST, settings.age_recipient, sums)
    size += _small_file(partial, FIGURES, content.text(), settings.age_recipient, sums)
    return sums, size


def _small_file(partial: Path, file: str, text: str, recipient: str, sums: dict[str, str]) -> int:
    with tempfile.TemporaryFile(dir=partial) as plain:
        plain.write(text.encode())
        return _stream(plain, partial, file, recipient, sums)


def _stream(plain: io.BufferedRandom, partial: Path, file: str, recipient: str, sums: dict[str, str]) -> int:
    plain.flush()
    plain.seek(0)
    stored = f"{file}{encryption.SUFFIX if recipient else ''}"
    with encryption.sealed(plain, recipient) as stream:
        sums[stored], size = checksums.write_stream(stream, partial / stored)
    return size


def _manifest(
    settings: Settings, connection: Connection, name: str, started: datetime, content: Content, size: int
) -> Manifest:
    inside = ", ".join(map(quote, settings.databases))
    databases = rows(connection, f"SELECT name, comment FROM system.databases WHERE name IN ({inside})")
    return Manifest(
        name=name,
        project=settings.project,
        created_at=started.isoformat(timespec="seconds"),
        commit=settings.commit,
        engine_version=str(value(connection, "SELECT version()")),
        schema_fingerprint=schema_journal.live_fingerprint(connection, settings.databases),
        databases={row["name"]: row["comment"] for row in databases},
        tables=len(content.tables),
        rows=sum(found.rows for found in content.tables.values()),
        bytes=size,
        encrypted=settings.encrypted,
    )
