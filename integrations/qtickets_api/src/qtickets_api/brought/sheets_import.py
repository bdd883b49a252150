"""Import of sheets into staging: each file replaces what an earlier export of it left."""

import time
from pathlib import Path

import msgspec
from zakaz_common.city import UNATTRIBUTED
from zakaz_common.city_directory import read_city_directory
from zakaz_common.columns import Row, by_column
from zakaz_common.errors import DataError
from zakaz_common.run import RunContext

from qtickets_api.brought.sheets import read_sheets
from qtickets_api.brought.tables.reader import TableFile, count_files, refuse_errors
from qtickets_api.mart import refresh_all

RAW_COLUMNS = ("sheet", "source_file", "row_number", "row_json", "_ver")
EVENT_COLUMNS = ("event_id", "name", "event_date", "city_raw", "city", "place_name", "_ver")
INVENTORY_COLUMNS = ("event_id", "event_date", "tickets_total", "tickets_available", "_ver")
SALES_COLUMNS = ("d", "event_id", "currency", "tickets_sold", "revenue", "refunded_amount", "_ver")


def import_sheets(context: RunContext, directory: Path, decimal: str = "") -> None:
    """Load the CSV exports of a directory. With an error in any file nothing is written.

    `decimal` is the decimal sign of columns whose cells leave it open.
    """
    files = read_sheets(directory, decimal)
    refuse_errors(files)
    if empty := next((found for found in files if not found.rows), None):
        # Taken at its word, an export that went wrong would remove every row of the one before.
        raise DataError(
            f"nothing was imported: {empty.source_file} has headings and no row; leave the file out instead"
        )
    count_files(context, files)
    cities = read_city_directory(context.warehouse)
    version = time.time_ns() // 1_000_000
    for found in files:
        _replace(context, "stg_qtickets_sheets_raw", RAW_COLUMNS, 3, _raw(found, version), _of_file(found))
        name = found.table.name
        if name == "events":
            rows = [
                (
                    v["event_id"], v["name"], v["event_date"], v["city"],
                    cities.resolve(v["city"]) or UNATTRIBUTED, v["place_name"], version,
                )
                for _, v in found.rows
            ]  # fmt: skip
            _replace(context, "stg_qtickets_sheets_events", EVENT_COLUMNS, 1, rows)
        elif name == "inventory":
            rows = [(*(v[c] for c in INVENTORY_COLUMNS[:-1]), version) for _, v in found.rows]
            _replace(context, "stg_qtickets_sheets_inventory", INVENTORY_COLUMNS, 2, rows)
        else:
            rows = [(*(v[c] for c in SALES_COLUMNS[:-1]), version) for _, v in found.rows]
            _replace(context, "stg_qtickets_sheets_sales", SALES_COLUMNS, 3, rows)
    refresh_all(context)


def _raw(found: TableFile, version: int) -> list[Row]:
    encode = msgspec.json.Encoder(decimal_format="string").encode
    name = found.table.name
    return [(name, found.source_file, number, encode(values).decode(), version) for number, values in found.rows]


def _of_file(found: TableFile) -> tuple[str, dict[str, str]]:
    return "sheet = {sheet:String}", {"sheet": found.table.name}


def _replace(
    context: RunContext,
    table: str,
    columns: tuple[str, ...],
    key_width: int,
    rows: list[Row],
    scope: tuple[str, dict[str, str]] = ("1", {}),
) -> None:
    """Upsert the rows and tombstone those that are no longer in the export."""
    keys = columns[:key_width]
    limit = context.settings.loader_batch_rows
    for start in range(0, len(rows), limit):
        batch = by_column(columns, rows[start : start + limit])
        context.wrote(table, context.warehouse.upsert(table, keys, batch))
    keep = {row[:key_width] for row in rows}
    gone = context.warehouse.tombstone(table, keys, scope=scope[0], parameters=scope[1], keep=keep)
    context.wrote(table, gone)
