"""What ClickHouse says about loaders, what they brought and left out, schema, mutations, parts and backups."""

# ruff: noqa: S608 - the statements hold the role's own numbers and names
from __future__ import annotations

from near_cities import near_cities
from zakaz_clickhouse.connection import HttpConnection, rows
from zakaz_clickhouse.failures import ClickHouseFailure, EngineFailure, Unreachable
from zakaz_clickhouse.literals import quote
from zakaz_schema.journal import JOURNAL, live_fingerprint

from .observed import Observed
from .settings import Settings

# A look must end long before the next one begins.
_SECONDS = 60


def observe(settings: Settings, seen: Observed) -> None:
    """Ask ClickHouse and fill in the answers; an answer that fails leaves its field empty."""
    connection = HttpConnection(**settings.clickhouse, timeout=_SECONDS)
    try:
        rows(connection, "SELECT 1 AS c_one")
    except ClickHouseFailure as error:
        seen.database_error = str(error)
        return
    for ask in (_runs, _rejected, _degraded, _cities, _tables, _drift, _mutations, _parts, _backups):
        try:
            ask(connection, settings, seen)
        except Unreachable as error:
            seen.database_error = str(error)
            return
        except EngineFailure as error:
            # one question that cannot be answered must not hide the others
            seen.refused.append(f"{ask.__name__.strip('_')} ({error})")


def _runs(connection: HttpConnection, settings: Settings, seen: Observed) -> None:
    sql = """SELECT *, toUnixTimestamp(last_success_at) AS success_at, toUnixTimestamp(last_started_at) AS started_at
    FROM bi.v_ops_freshness"""
    seen.runs = {run["loader"]: run for run in rows(connection, sql)}


def _rejected(connection: HttpConnection, settings: Settings, seen: Observed) -> None:
    sql = "SELECT loader AS c_loader, count() AS c_count FROM meta.rejected_records WHERE rejected_at > now() - 86400"
    found = {row["c_loader"]: int(row["c_count"]) for row in rows(connection, f"{sql} GROUP BY loader")}
    seen.rejected = {loader: found.get(loader, 0) for loader in settings.loaders}


def _degraded(connection: HttpConnection, settings: Settings, seen: Observed) -> None:
    seen.degraded = rows(connection, "SELECT loader, field, reason, records, share FROM meta.v_degraded_last_day")


def _cities(connection: HttpConnection, settings: Settings, seen: Observed) -> None:
    seen.near_cities = near_cities(rows(connection, "SELECT city, is_known FROM meta.v_cities_used"))


def _tables(connection: HttpConnection, settings: Settings, seen: Observed) -> None:
    sql = 'SELECT "table", loader, toUnixTimestamp(last_row_at) AS at, is_empty FROM meta.v_tables_loaded'
    seen.tables = [row for row in rows(connection, sql) if row["table"] in settings.silent_tables]


def _drift(connection: HttpConnection, settings: Settings, seen: Observed) -> None:
    sql = f"SELECT argMax(live_fingerprint, applied_at) AS c_last FROM {JOURNAL} WHERE status = 'converged'"
    applied = rows(connection, sql)[0]["c_last"]
    if applied:
        seen.drift = applied != live_fingerprint(connection, settings.databases)


def _mutations(connection: HttpConnection, settings: Settings, seen: Observed) -> None:
    inside = ", ".join(quote(name) for name in settings.databases)
    sql = f"""SELECT concat(database, '.', table) AS c_table, command AS c_command, latest_fail_reason AS c_reason,
    dateDiff('minute', create_time, now()) AS c_minutes FROM system.mutations
    WHERE NOT is_done AND database IN ({inside})
    AND (latest_fail_reason != '' OR create_time < now() - {int(settings.limits["mutation_stuck"].limit * 60)})
    ORDER BY c_table, create_time"""
    seen.stuck = [
        f"{row['c_table']}: {row['c_command']} for {row['c_minutes']} min ({row['c_reason'] or 'still running'})"
        for row in rows(connection, sql)
    ]


def _parts(connection: HttpConnection, settings: Settings, seen: Observed) -> None:
    sql = """SELECT concat(database, '.', table) AS c_table, count() AS c_parts FROM system.parts
    WHERE active GROUP BY database, table, partition_id ORDER BY c_parts DESC, c_table LIMIT 1"""
    found = rows(connection, sql)
    seen.fullest = (found[0]["c_table"], int(found[0]["c_parts"])) if found else ("no table", 0)


def _backups(connection: HttpConnection, settings: Settings, seen: Observed) -> None:
    good = "kind = 'drill' AND status = 'success'"
    sql = f"""SELECT
    toUnixTimestamp(maxIf(finished_at, kind = 'backup' AND status = 'success')) AS c_backup,
    toUnixTimestamp(maxIf(finished_at, kind = 'backup' AND status = 'success'
        AND name IN (SELECT name FROM meta.backup_runs WHERE {good}))) AS c_drilled,
    argMaxIf(if(status = 'success', '', if(error = '', status, error)), finished_at, kind = 'drill') AS c_error,
    (SELECT toUnixTimestamp(min(started_at)) FROM meta.etl_runs) AS c_began
    FROM meta.backup_runs"""
    row = rows(connection, sql)[0]
    seen.began_at = float(row["c_began"])
    seen.backup_at, seen.drilled_at, seen.drill_error = float(row["c_backup"]), float(row["c_drilled"]), row["c_error"]
