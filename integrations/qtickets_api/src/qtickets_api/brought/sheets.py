"""CSV exports of the organiser's Google Sheets: what each file holds.

A sheet is imported whole or not at all: every error is found first, and named by file, row and column. Columns that are
not known are not read, so nothing personal is taken along.
"""

from decimal import Decimal
from pathlib import Path

from zakaz_common.errors import DataError

from qtickets_api.brought.tables.columns import Column
from qtickets_api.brought.tables.reader import Table, TableFile, read_table

EVENT_ID = Column(
    "event_id", ("event_id", "event id", "id мероприятия", "мероприятие id", "id события", "номер мероприятия"), "id"
)
EVENT_DATE = Column("event_date", ("event_date", "event date", "дата мероприятия", "дата показа"), "day")

SHEETS = (
    Table(
        "events",
        (
            EVENT_ID,
            Column("name", ("name", "event_name", "event name", "название", "мероприятие"), "text"),
            Column("event_date", EVENT_DATE.headings, "day", required=False),
            Column("city", ("city", "город"), "text"),
            Column("place_name", ("place_name", "place", "площадка"), "text", required=False, default=""),
        ),
        ("event_id",),
    ),
    Table(
        "inventory",
        (
            EVENT_ID,
            EVENT_DATE,
            Column("tickets_total", ("tickets_total", "tickets total", "всего билетов", "всего мест"), "count"),
            Column(
                "tickets_available",
                ("tickets_available", "tickets available", "tickets_left", "осталось", "свободно"),
                "count",
            ),
        ),
        ("event_id", "event_date"),
    ),
    Table(
        "sales",
        (
            Column("d", ("d", "date", "дата", "дата продажи"), "day"),
            EVENT_ID,
            Column("currency", ("currency", "валюта"), "currency", required=False, default="RUB"),
            Column("tickets_sold", ("tickets_sold", "tickets sold", "продано", "продано билетов"), "count"),
            Column("revenue", ("revenue", "выручка", "сумма"), "amount"),
            Column("refunded_amount", ("refunded_amount", "возвраты"), "amount", required=False, default=Decimal(0)),
        ),
        ("d", "event_id", "currency"),
    ),
)


def read_sheets(directory: Path, decimal: str = "") -> list[TableFile]:
    """Read events.csv, inventory.csv and sales.csv of `directory`, those that are there, with what is wrong with each.

    `decimal` is the decimal sign of columns whose cells leave it open. Raises DataError if there is nothing to read.
    """
    try:
        if not directory.is_dir():
            raise DataError(
                f"{directory} is no directory, or is not mounted into the container; give the one with {_names()}"
            )
        paths = [(sheet, directory / f"{sheet.name}.csv") for sheet in SHEETS]
        found = [(sheet, path) for sheet, path in paths if path.exists()]
    except PermissionError:
        raise DataError(f"{directory} cannot be read; the user 10001 of the container must be able to") from None
    if not found:
        raise DataError(f"{directory} holds none of {_names()}; export the sheets as CSV under these names")
    return [read_table(sheet, path, decimal) for sheet, path in found]


def _names() -> str:
    return ", ".join(f"{sheet.name}.csv" for sheet in SHEETS)
