"""All tables as they are at one moment, while loaders go on: clones of their parts by hard link.

The figures and the backup are both taken from the clones, so they belong together to the row. Merges are
stopped on the clones, because a merge would collapse versions of a row between the two.
"""

# ruff: noqa: S608 - names come from the catalogue and are quoted
from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from zakaz_clickhouse.connection import Connection, rows
from zakaz_clickhouse.literals import quote

from .failures import BusyFailure
from .figures import quoted

DATABASE = "zakaz_backup_snapshot"
WATERMARKS = "meta.watermarks"


def catalogue(connection: Connection, databases: Iterable[str]) -> dict[str, str]:
    """Engine by ``database.name`` of every table and view, without the hidden tables of views."""
    inside = ", ".join(quote(name) for name in databases)
    found = rows(
        connection,
        f"SELECT concat(database, '.', name) AS c_name, engine FROM system.tables "
        f"WHERE database IN ({inside}) AND NOT startsWith(name, '.inner') AND NOT is_temporary ORDER BY c_name",
    )
    return {row["c_name"]: row["engine"] for row in found}


def cloned_order(tables: Iterable[str]) -> list[str]:
    """Watermarks first and marts last.

    A watermark may be older than its data, never newer; a mart may be newer than its staging: the next run of
    the loader mends both.
    """

    def rank(name: str) -> int:
        table = name.split(".", 1)[1]
        return 0 if name == WATERMARKS else 2 if table.startswith(("dm_", "fact_")) else 1

    return sorted(tables, key=lambda name: (rank(name), name))


@contextmanager
def taken(connection: Connection, databases: Iterable[str], tables: Iterable[str]) -> Iterator[dict[str, str]]:
    """Clone the tables; yield the clone's name by table, and drop the clones afterwards.

    :raises BusyFailure: a mutation is not finished: its parts can't be cloned truthfully.
    """
    inside = ", ".join(quote(name) for name in databases)
    unfinished = rows(
        connection,
        f"SELECT concat(database, '.', table) AS c_table FROM system.mutations "
        f"WHERE NOT is_done AND database IN ({inside})",
    )
    if unfinished:
        raise BusyFailure(
            f"{unfinished[0]['c_table']} has an unfinished mutation; look at system.mutations and try again when it "
            "is done."
        )
    drop(connection)
    connection.execute(f"CREATE DATABASE {DATABASE} COMMENT 'Снимок для резервной копии; удаляется после неё'")
    try:
        clones = {}
        for name in cloned_order(tables):
            clone = f"{DATABASE}.{name}"
            connection.execute(f"CREATE TABLE {quoted(clone)} AS {quoted(name)}")
            connection.execute(f"SYSTEM STOP MERGES {quoted(clone)}")
            database, table = name.split(".", 1)
            # one by one: not every supported engine knows ATTACH PARTITION ALL FROM
            partitions = rows(
                connection,
                f"SELECT DISTINCT partition_id FROM system.parts WHERE active AND database = {quote(database)} "
                f"AND table = {quote(table)} ORDER BY partition_id",
            )
            for partition in partitions:
                connection.execute(
                    f"ALTER TABLE {quoted(clone)} ATTACH PARTITION ID {quote(partition['partition_id'])} "
                    f"FROM {quoted(name)}"
                )
            clones[name] = clone
        yield clones
    finally:
        drop(connection)


def drop(connection: Connection) -> None:
    """Drop the clones, also those of an interrupted run."""
    connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")
