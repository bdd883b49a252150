"""CSV exports of the organiser's Google Sheets: what each file holds, and what is wrong with it.

A sheet is imported whole or not at all: every error is found first, and named by file, row and column. Cells are not
quoted in messages; columns that are not known are not read, so nothing personal is taken along.
"""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from zakaz_common.errors import DataError

MAX_BYTES = 64 << 20
_SHOWN_ERRORS = 10
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a sheet: its name, the headings it may stand under, how a cell is read."""

    name: str
    headings: tuple[str, ...]
    read: Callable[[str], Any]
    required: bool = True
    default: Any = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: the columns it needs and those that make its key."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


@dataclass(slots=True)
class SheetRows:
    """Rows of a file by column name, each with its row number in the file."""

    sheet: Sheet
    source_file: str
    rows: list[tuple[int, dict[str, Any]]] = field(default_factory=list)


def _text(cell: str) -> str:
    return " ".join(cell.split())


def _day(cell: str) -> date:
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            found = datetime.strptime(cell.strip(), form).date()
        except ValueError:
            continue
        if 1971 <= found.year <= 2105:
            return found
    raise ValueError("a day such as 2026-11-05 or 05.11.2026 was expected")


def _digits(cell: str) -> str:
    return cell.replace("\u00a0", "").replace("\u202f", "").replace(" ", "").removesuffix("₽").removesuffix("руб.")


def _whole(cell: str) -> int:
    digits = _digits(cell)
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15:
        raise ValueError("a whole number of 0 or more was expected")
    return int(digits)


def _identifier(cell: str) -> int:
    found = _whole(cell)
    if found < 1:
        raise ValueError("an id of 1 or more was expected")
    return found


def _roubles(cell: str) -> Decimal:
    text = _digits(cell)
    if "," in text and "." in text:
        text = text.replace(",", "")  # 1,234.56
    text = text.replace(",", ".")
    try:
        found = Decimal(text)
        exact = found.quantize(_CENT)
    except InvalidOperation:
        raise ValueError("an amount such as 1234.56 was expected") from None
    if exact != found or not abs(exact) < Decimal(10) ** 15:
        raise ValueError("an amount with at most two decimals was expected")
    return exact


def _currency(cell: str) -> str:
    found = cell.strip().upper()
    if len(found) != 3 or not found.isascii() or not found.isalpha():
        raise ValueError("a currency code such as RUB was expected")
    return found


EVENT_ID = Column("event_id", ("event_id", "id мероприятия", "мероприятие id"), _identifier)
EVENT_DATE = Column("event_date", ("event_date", "дата мероприятия", "дата показа"), _day)

SHEETS = (
    Sheet(
        "events",
        (
            EVENT_ID,
            Column("name", ("name", "event_name", "название", "мероприятие"), _text),
            Column("event_date", EVENT_DATE.headings, _day, required=False),
            Column("city", ("city", "город"), _text),
            Column("place_name", ("place_name", "place", "площадка"), _text, required=False, default=""),
        ),
        ("event_id",),
    ),
    Sheet(
        "inventory",
        (
            EVENT_ID,
            EVENT_DATE,
            Column("tickets_total", ("tickets_total", "всего билетов", "всего мест"), _whole),
            Column("tickets_available", ("tickets_available", "tickets_left", "осталось", "свободно"), _whole),
        ),
        ("event_id", "event_date"),
    ),
    Sheet(
        "sales",
        (
            Column("d", ("d", "date", "дата", "дата продажи"), _day),
            EVENT_ID,
            Column("currency", ("currency", "валюта"), _currency, required=False, default="RUB"),
            Column("tickets_sold", ("tickets_sold", "продано", "продано билетов"), _whole),
            Column("revenue", ("revenue", "выручка", "сумма"), _roubles),
            Column("refunded_amount", ("refunded_amount", "возвраты"), _roubles, required=False, default=Decimal(0)),
        ),
        ("d", "event_id", "currency"),
    ),
)


def read_sheets(directory: Path) -> list[SheetRows]:
    """Read events.csv, inventory.csv and sales.csv of `directory`, those that are there.

    Raises DataError that lists what is wrong by file, row and column.
    """
    if not directory.is_dir():
        raise DataError(f"{directory} is no directory; give the one with {_names()}")
    found, errors = [], []
    for sheet in SHEETS:
        path = directory / f"{sheet.name}.csv"
        if path.exists():
            rows, wrong = _read(sheet, path)
            found.append(rows)
            errors += wrong
    if not found:
        raise DataError(f"{directory} holds none of {_names()}; export the sheets as CSV under these names")
    if errors:
        more = f"; and {len(errors) - _SHOWN_ERRORS} more" if len(errors) > _SHOWN_ERRORS else ""
        raise DataError(f"nothing was imported: {'; '.join(errors[:_SHOWN_ERRORS])}{more}")
    return found


def _read(sheet: Sheet, path: Path) -> tuple[SheetRows, list[str]]:
    rows = SheetRows(sheet, path.name)
    if path.stat().st_size > MAX_BYTES:
        return rows, [f"{path.name}: larger than {MAX_BYTES >> 20} MiB"]
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return rows, [f"{path.name}: not UTF-8; save it as CSV UTF-8"]
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    lines = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        return rows, _parse(rows, lines)
    except csv.Error:
        return rows, [f"{path.name}, row {lines.line_num}: the quotes do not match"]


def _parse(rows: SheetRows, lines: Iterable[list[str]]) -> list[str]:
    numbered = enumerate(lines, start=1)
    _, header = next(numbered, (1, []))
    places, errors = _places(rows, [_text(cell).lower() for cell in header])
    if errors:
        return errors
    first_seen: dict[tuple[Any, ...], int] = {}
    for number, cells in numbered:
        if not any(cell.strip() for cell in cells):
            continue
        values: dict[str, Any] = {}
        wrong = []
        for column in rows.sheet.columns:
            place = places.get(column.name)
            cell = cells[place] if place is not None and place < len(cells) else ""
            try:
                values[column.name] = column.read(cell) if cell.strip() else _absent(column)
            except ValueError as error:
                heading = header[place].strip() if place is not None else column.name
                wrong.append(f"{rows.source_file}, row {number}, column {heading}: {error}")
        errors += wrong
        if wrong:
            continue
        key = tuple(values[name] for name in rows.sheet.key)
        earlier = first_seen.setdefault(key, number)
        if earlier != number:
            errors.append(f"{rows.source_file}, row {number}: repeats row {earlier} (same {', '.join(rows.sheet.key)})")
            continue
        rows.rows.append((number, values))
    return errors


def _places(rows: SheetRows, header: list[str]) -> tuple[dict[str, int], list[str]]:
    places: dict[str, int] = {}
    errors = []
    for column in rows.sheet.columns:
        found = [position for position, heading in enumerate(header) if heading in column.headings]
        if len(found) > 1:
            errors.append(f"{rows.source_file}, row 1: two columns are headed {header[found[0]]} or alike")
        elif found:
            places[column.name] = found[0]
        elif column.required:
            errors.append(f"{rows.source_file}, row 1: the column {column.name} is missing")
    return places, errors


def _absent(column: Column) -> Any:
    if column.required:
        raise ValueError("the cell is empty")
    return column.default


def _names() -> str:
    return ", ".join(f"{sheet.name}.csv" for sheet in SHEETS)
