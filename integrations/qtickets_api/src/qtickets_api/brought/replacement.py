"""Tables that hold what people bring: made equal to a file's rows with one insert, or left as they are."""

from collections.abc import Mapping, Sequence
from typing import Any

from zakaz_common.columns import Row, by_column
from zakaz_common.versions import next_version
from zakaz_common.warehouse import UpsertResult, Warehouse


def replace_rows(
    warehouse: Warehouse,
    table: str,
    key_columns: Sequence[str],
    value_columns: Sequence[str],
    rows: Mapping[Row, Row],
    *,
    scope: str,
    parameters: Mapping[str, Any] | None = None,
) -> UpsertResult:
    """Make the part of `table` that `scope` covers equal to `rows` (values by key).

    Rows that are new or differ are written, those of the scope that are not among `rows` as deleted, all in one insert:
    a reader sees the table before or after, never between. A row outside the scope under one of the keys is taken over.
    Nothing differs: nothing is written. `scope` is a condition over the table's columns with server-side parameters.
    """
    name = warehouse.name(table)
    keys, values = ", ".join(key_columns), ", ".join(value_columns)
    width = len(key_columns)
    kept = {
        row[:width]: row[width:]
        for row in warehouse.query(
            f"SELECT {keys}, {values} FROM {name} FINAL WHERE {scope}",  # noqa: S608 - names are the callers' own
            parameters,
        )
    }
    changed = [(*key, *row, 0) for key, row in rows.items() if kept.get(key) != row]
    gone = [(*key, *row, 1) for key, row in kept.items() if key not in rows]
    if changed or gone:
        version = next_version(warehouse, table)
        columns = (*key_columns, *value_columns, "_is_deleted")
        written = by_column(columns, [*changed, *gone])
        warehouse.insert(table, {**written, "_ver": [version] * (len(changed) + len(gone))})
    return UpsertResult(read=len(rows), written=len(changed), unchanged=len(rows) - len(changed), tombstoned=len(gone))
