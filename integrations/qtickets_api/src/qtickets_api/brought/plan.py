"""The plan of sales that people bring: a file of months and cities, each with its tickets and revenue."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import structlog
from zakaz_common.city import CityDirectory
from zakaz_common.city_directory import read_city_directory
from zakaz_common.errors import DataError
from zakaz_common.run import RunContext

from qtickets_api.brought.replacement import replace_rows
from qtickets_api.brought.tables.columns import Column
from qtickets_api.brought.tables.reader import Table, TableFile, count_files, read_table, refuse_errors

log = structlog.get_logger()

TABLE = "plan_sales"
PLAN = Table(
    "plan",
    (
        Column("month", ("month", "месяц", "период", "дата"), "month"),
        Column("city", ("city", "город"), "text"),
        Column(
            "tickets",
            ("tickets", "tickets_plan", "tickets plan", "билеты", "план билетов", "билеты план", "билеты, план",
             "план билеты", "план, билеты", "план по билетам"),
            "count",
        ),
        Column(
            "revenue",
            ("revenue", "revenue_plan", "revenue plan", "выручка", "план выручки", "выручка план", "выручка, план",
             "план выручка", "план, выручка", "план по выручке", "сумма"),
            "amount",
        ),
    ),
    ("month", "city"),
)  # fmt: skip

PlanRows = Mapping[tuple[date, str], tuple[int, Decimal]]


def read_plan(path: Path, decimal: str = "") -> list[TableFile]:
    """Read the file, with what is wrong with it. `decimal` is the decimal sign of columns that leave it open."""
    file = read_table(PLAN, path, decimal)
    file.errors += [
        f"{file.source_file}, row {number}, column revenue: an amount of 0 or more was expected"
        for number, row in file.rows
        if row["revenue"] is not None and row["revenue"] < 0
    ]
    return [file]


def import_plan(context: RunContext, path: Path, decimal: str = "") -> None:
    """Replace the plan of the months that the file names. With an error in it nothing is written.

    Rows of these months that the file lacks are removed; other months stay.
    """
    files = read_plan(path, decimal)
    refuse_errors(files)
    count_files(context, files)
    cities = read_city_directory(context.warehouse)
    rows = _by_city(files[0], cities)
    months = sorted({month for month, _ in rows})
    if not months:
        raise DataError(f"nothing was imported: {path.name} has headings and no row; give it the months to plan")
    _tell_unknown_cities(context, {city for _, city in rows}, cities)
    written = replace_rows(
        context.warehouse,
        TABLE,
        ("month", "city"),
        ("tickets_plan", "revenue_plan"),
        rows,
        scope="has({months:Array(Date)}, month)",
        parameters={"months": months},
    )
    context.wrote(TABLE, written)
    context.extra["months"] = [f"{month:%Y-%m}" for month in months]


def _by_city(file: TableFile, cities: CityDirectory) -> PlanRows:
    """The rows by month and city; two spellings of a city in one month are refused, not added up."""
    rows: dict[tuple[date, str], tuple[int, Decimal]] = {}
    numbers: dict[tuple[date, str], int] = {}
    errors = []
    for number, row in file.rows:
        place = f"{file.source_file}, row {number}"
        key = (row["month"], cities.resolve(row["city"]))
        if not key[1]:
            errors.append(f"{place}, column city: a city was expected")
        elif key in numbers:
            errors.append(f"{place}: names the city and month of row {numbers[key]} in another spelling")
        else:
            numbers[key] = number
            rows[key] = (row["tickets"], row["revenue"])
    file.errors += errors
    refuse_errors([file])
    return rows


def _tell_unknown_cities(context: RunContext, planned: set[str], cities: CityDirectory) -> None:
    """A plan for a city under which nothing is sold would stand beside its sales, not against them."""
    events = context.warehouse.name("dim_events")
    found = context.warehouse.query(f"SELECT DISTINCT city FROM {events} FINAL")  # noqa: S608
    sold = {str(city) for (city,) in found}
    if unknown := sorted(city for city in planned if not cities.known(city) and city not in sold):
        log.warning("city_unknown", cities=unknown[:20], count=len(unknown), mends="make import-city-aliases")
        context.extra["cities_unknown"] = len(unknown)
