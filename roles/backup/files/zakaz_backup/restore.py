"""A backup brought back into the live ClickHouse: beside the live tables first, compared, then exchanged.

Nothing live is touched before the restored tables hold what the manifest says. The exchange of a table is
atomic; which tables were to be exchanged, and with which, is written down first, so an interrupted run is
finished by running it again.
"""

# ruff: noqa: S608 - names come from the manifest and are quoted
from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whole_file import write_whole
from zakaz_clickhouse.connection import Connection, rows, value
from zakaz_clickhouse.failures import EngineFailure
from zakaz_clickhouse.literals import quote
from zakaz_schema import journal as schema_journal

from . import filling, space
from .containers import BackupFolder
from .failures import RefusedFailure
from .figures import quoted
from .manifest import Content, Manifest, release
from .settings import Settings

# beside each database: its tables while they are filled, and the tables that were replaced last
RESTORING, REPLACED = "__restoring", "__replaced"
PROGRESS, LAST = "restore.json", "restored.json"
_SHOWN = 5


@dataclass(frozen=True)
class Request:
    """What is to be restored.

    Attributes:
        tables: ``database.table`` each; ``databases``: whole databases; both empty: everything.
        confirmed: live rows may be replaced.
        project: the deployment whose backup is accepted.
        schema_of_backup: tables may get the definitions they had in the backup.
        once: nothing is done when this backup's tables are the live ones already.
    """

    tables: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    confirmed: bool = False
    project: str = ""
    schema_of_backup: bool = False
    once: bool = False

    def wants(self, name: str) -> bool:
        """Whether a table or view is asked for."""
        if not self.tables and not self.databases:
            return True
        return name in self.tables or name.split(".", 1)[0] in self.databases


@dataclass(frozen=True)
class Live:
    """A live table: its identity and its rows."""

    uuid: str
    rows: int


def restore(
    settings: Settings,
    connection: Connection,
    backup_folder: BackupFolder,
    folder: Path,
    request: Request,
) -> dict[str, Any]:
    """Restore what is asked for from a fetched backup.

    :param folder: the backup's files on this host.
    :returns: name, tables, rows, seconds of the engine's RESTORE, replaced databases.
    :raises BackupFailure: with the live data as it was.
    """
    finish(settings, connection)
    manifest, content = filling.verified(folder, settings.age_identity)
    wanted = _wanted(settings, connection, manifest, content, request)
    live = _live(connection, manifest.databases)
    if request.once and _done(settings, manifest.name, live):
        return _result(manifest, content, wanted, skipped=True, changed=False)
    _refuse_unconfirmed(manifest, wanted, live, request)
    space.require(connection, settings, space.COPIES_OF_A_RESTORE * manifest.bytes, 0)
    shadows = {table: _shadow(table) for table in wanted}
    databases = sorted({table.split(".", 1)[0] for table in wanted})
    try:
        filling.placed(folder, manifest, backup_folder, settings.age_identity)
        for database in databases:
            connection.execute(f"DROP DATABASE IF EXISTS `{database}{RESTORING}` SYNC")
            connection.execute(f"CREATE DATABASE `{database}{RESTORING}`")
        filling.structure(connection, manifest.name, shadows)
        if not request.schema_of_backup:
            _refuse_other_definitions(settings, connection, manifest, shadows)
        seconds = filling.data(connection, manifest.name, shadows)
        filling.compare(connection, manifest, content, shadows)
    except BaseException:
        for database in databases:
            connection.execute(f"DROP DATABASE IF EXISTS `{database}{RESTORING}` SYNC")
        raise
    finally:
        backup_folder.remove(manifest.name)
    _note(settings, connection, manifest, content, request, shadows)
    replaced = finish(settings, connection)
    return _result(manifest, content, wanted, restore_seconds=round(seconds, 1), replaced=replaced)


def _result(manifest: Manifest, content: Content, wanted: list[str], **more: Any) -> dict[str, Any]:
    rows_of_all = sum(content.tables[table].rows for table in wanted)
    base = {"name": manifest.name, "tables": len(wanted), "rows": rows_of_all, "skipped": False, "changed": True}
    return base | {"restore_seconds": 0.0, "replaced": []} | more


def _done(settings: Settings, name: str, live: dict[str, Live]) -> bool:
    """Whether the live tables are those that a restore of this backup made here."""
    try:
        last = json.loads((settings.folder / LAST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    identities = {table.uuid for table in live.values()}
    return last["name"] == name and bool(identities.intersection(last["tables"].values()))


def _shadow(table: str) -> str:
    database, name = table.split(".", 1)
    return f"{database}{RESTORING}.{name}"


def _wanted(
    settings: Settings, connection: Connection, manifest: Manifest, content: Content, request: Request
) -> list[str]:
    """The tables to restore; refuses a backup that is not for this deployment or not for this engine."""
    accepted = request.project or settings.project
    if manifest.project != accepted:
        raise RefusedFailure(
            f"{manifest.name} is a backup of {manifest.project}, this deployment is {settings.project}. "
            f"If that is meant, add ARGS='-e restore_project={manifest.project}' "
            f"(on the host: --project {manifest.project})."
        )
    engine = str(value(connection, "SELECT version()"))
    if release(manifest.engine_version) > release(engine):
        raise RefusedFailure(
            f"{manifest.name} was made by ClickHouse {manifest.engine_version}, this one is {engine}: an older engine "
            "may not read it. Upgrade first (make upgrade), then restore."
        )
    for name in request.tables:
        if name not in content.tables:
            known = ", ".join(sorted(content.tables)[:_SHOWN])
            raise RefusedFailure(f"{manifest.name} holds no table {name}; it holds {known}, …")
    for name in request.databases:
        if name not in manifest.databases:
            raise RefusedFailure(f"{manifest.name} holds no database {name}; it holds {', '.join(manifest.databases)}.")
    return [table for table in content.tables if request.wants(table)]


def _live(connection: Connection, databases: Iterable[str]) -> dict[str, Live]:
    inside = ", ".join(quote(name) for name in databases)
    found = rows(
        connection,
        "SELECT concat(database, '.', name) AS c_name, toString(uuid) AS c_uuid, "
        f"toString(ifNull(total_rows, 0)) AS c_rows FROM system.tables WHERE database IN ({inside}) "
        "AND NOT engine LIKE '%View'",
    )
    return {row["c_name"]: Live(row["c_uuid"], int(row["c_rows"])) for row in found}


def _refuse_unconfirmed(manifest: Manifest, wanted: list[str], live: dict[str, Live], request: Request) -> None:
    filled = {table: live[table].rows for table in wanted if table in live and live[table].rows}
    if filled and not request.confirmed:
        listed = ", ".join(f"{table} ({count} rows)" for table, count in list(filled.items())[:_SHOWN])
        more = f" and {len(filled) - _SHOWN} more" if len(filled) > _SHOWN else ""
        raise RefusedFailure(
            f"{manifest.name} would take the place of live data in {listed}{more}; nothing was touched. "
            "Run it again with CONFIRM=yes if that is meant (on the host: --confirm)."
        )


_SCHEMA_OF_BACKUP = "ARGS='-e restore_schema=backup' (on the host: --schema-of-backup)"
_DEFINITION = """SELECT c_name, arrayStringConcat(groupArray(c_column), ', ') AS c_columns, any(c_table) AS c_table
FROM (
    SELECT concat(t.database, '.', t.name) AS c_name, concat(c.name, ' ', c.type, ' ', c.default_kind, ' ',
        c.default_expression) AS c_column,
        concat(extract(t.engine_full, '^[A-Za-z]+(?:\\\\([^)]*\\\\))?'), ' ', t.partition_key, ' ', t.sorting_key, ' ',
        t.primary_key) AS c_table
    FROM system.tables AS t INNER JOIN system.columns AS c ON c.database = t.database AND c.table = t.name
    WHERE t.database IN ({inside}) ORDER BY c_name, c.position
) GROUP BY c_name"""


def _definitions(connection: Connection, databases: Iterable[str]) -> dict[str, tuple[str, str]]:
    """What decides whether rows of one table fit another: columns with types and defaults, engine, keys."""
    inside = ", ".join(quote(name) for name in databases)
    found = rows(connection, _DEFINITION.replace("{inside}", inside))
    return {row["c_name"]: (row["c_columns"], row["c_table"]) for row in found}


def _refuse_other_definitions(
    settings: Settings, connection: Connection, manifest: Manifest, shadows: dict[str, str]
) -> None:
    """Compared inside the live engine, after it has made the backup's tables: only it normalises definitions."""
    databases = {name.split(".", 1)[0] for name in [*shadows, *shadows.values()]}
    definitions = _definitions(connection, databases)
    other = [
        table for table, shadow in shadows.items() if definitions.get(table, definitions[shadow]) != definitions[shadow]
    ]
    if not other:
        return
    listed = ", ".join(other[:_SHOWN])
    if _was_ours(connection, manifest.schema_fingerprint):
        raise RefusedFailure(
            f"The live schema is newer than {manifest.name}: {listed} have other columns or keys now. Deploy commit "
            f"{manifest.commit}, restore, then deploy the present one; or accept the backup's definitions with "
            f"{_SCHEMA_OF_BACKUP} and run make deploy afterwards."
        )
    raise RefusedFailure(
        f"{manifest.name} has another schema than the live one, which never had it: {listed}. Deploy commit "
        f"{manifest.commit} first, or accept the backup's definitions with {_SCHEMA_OF_BACKUP}."
    )


def _was_ours(connection: Connection, fingerprint: str) -> bool:
    try:
        sql = f"SELECT count() > 0 FROM {schema_journal.JOURNAL} WHERE live_fingerprint = {quote(fingerprint)}"
        return bool(value(connection, sql))
    except EngineFailure:
        return False


def _note(
    settings: Settings,
    connection: Connection,
    manifest: Manifest,
    content: Content,
    request: Request,
    shadows: dict[str, str],
) -> None:
    """Write down what is to be exchanged, by the tables' identities; from here on a run can only be finished."""
    restored = _live(connection, {shadow.split(".", 1)[0] for shadow in shadows.values()})
    views = {view: sql for view, sql in content.views.items() if request.wants(view) or request.schema_of_backup}
    progress = {
        "name": manifest.name,
        "databases": manifest.databases,
        "tables": {table: restored[shadow].uuid for table, shadow in shadows.items()},
        "views": views,
        "replace_views": request.schema_of_backup,
    }
    write_whole(settings.folder / PROGRESS, json.dumps(progress, ensure_ascii=False).encode(), 0o600)


def finish(settings: Settings, connection: Connection) -> list[str]:
    """Put restored tables in their places, also those of an interrupted run; return the databases of replaced ones."""
    path = settings.folder / PROGRESS
    if not path.is_file():
        return []
    progress = json.loads(path.read_text(encoding="utf-8"))
    databases = sorted({table.split(".", 1)[0] for table in progress["tables"]})
    for database in databases:
        comment = quote(progress["databases"].get(database, ""))
        connection.execute(f"CREATE DATABASE IF NOT EXISTS `{database}` COMMENT {comment}")
    live = _live(connection, databases)
    for table, restored in sorted(progress["tables"].items()):
        if table not in live:
            connection.execute(f"RENAME TABLE {quoted(_shadow(table))} TO {quoted(table)}")
        elif live[table].uuid != restored:
            connection.execute(f"EXCHANGE TABLES {quoted(_shadow(table))} AND {quoted(table)}")
        connection.execute(f"SYSTEM START MERGES {quoted(table)}")
    _views(connection, progress["views"], replace=progress["replace_views"])
    replaced = []
    for database in databases:
        if _live(connection, [f"{database}{RESTORING}"]):
            connection.execute(f"DROP DATABASE IF EXISTS `{database}{REPLACED}` SYNC")
            connection.execute(f"RENAME DATABASE `{database}{RESTORING}` TO `{database}{REPLACED}`")
            replaced.append(f"{database}{REPLACED}")
        else:
            connection.execute(f"DROP DATABASE IF EXISTS `{database}{RESTORING}` SYNC")
    path.replace(settings.folder / LAST)
    return replaced


def _views(connection: Connection, views: dict[str, str], *, replace: bool) -> None:
    """Make missing views, in whatever order they depend on each other."""
    for database in {view.split(".", 1)[0] for view in views}:
        connection.execute(f"CREATE DATABASE IF NOT EXISTS `{database}`")
    waiting = dict(views)
    while waiting:
        failures = {}
        for view, sql in waiting.items():
            kind = "CREATE OR REPLACE VIEW" if replace else "CREATE VIEW IF NOT EXISTS"
            try:
                connection.execute(sql.replace("CREATE VIEW", kind, 1))
            except EngineFailure as failure:
                failures[view] = failure
        if len(failures) == len(waiting):
            raise next(iter(failures.values()))
        waiting = {view: waiting[view] for view in failures}
