"""Reads a table's file: its rows with their values, everything that is wrong with it, and what it was read as."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zakaz_common.errors import DataError
from zakaz_common.run import RunContext

from qtickets_api.brought.tables.cells import is_blank
from qtickets_api.brought.tables.columns import Column, ColumnReading, read_column
from qtickets_api.brought.tables.encoding import EncodingError, decode
from qtickets_api.brought.tables.layout import Layout, LayoutError, find_table

MAX_BYTES = 64 << 20
_SHOWN_ERRORS = 10


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the columns it needs and those that make its key."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadColumn:
    """What a column was read as: its heading, how it is written, its cells' number, the first and the last value."""

    column: Column
    title: str | None
    form: str
    cells: int
    first: Any
    last: Any
    replaced: int


@dataclass(slots=True)
class TableFile:
    """A table's file: the rows by column name, each with its number in the file, and how they were read."""

    table: Table
    source_file: str
    rows: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    encoding: str = ""
    layout: Layout | None = None
    columns: list[ReadColumn] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def left_out(self) -> dict[str, int]:
        """How many rows are no records, by reason."""
        return {reason: len(rows) for reason, rows in self.layout.left_out.items()} if self.layout else {}

    @property
    def replaced(self) -> int:
        """Control, bidirectional and half characters that were replaced by U+FFFD."""
        return sum(column.replaced for column in self.columns)


def read_table(table: Table, path: Path, decimal: str = "") -> TableFile:
    """Read a file. What is wrong with it is in `errors`, by row and column; then `rows` are not to be used.

    `decimal` is the decimal sign of columns whose cells leave it open. Raises DataError where the file cannot be read.
    """
    found = TableFile(table, path.name)
    try:
        too_large = path.stat().st_size > MAX_BYTES
        data = b"" if too_large else path.read_bytes()
    except OSError as error:
        raise DataError(_unreadable(path, error)) from None
    if too_large:
        found.errors.append(f"{path.name}: larger than {MAX_BYTES >> 20} MiB")
        return found
    try:
        text, found.encoding = decode(data)
        found.layout = find_table(text, table.columns, table.key)
    except EncodingError as error:
        found.errors.append(f"{path.name} {error}")
    except LayoutError as error:
        found.errors.append(f"{path.name}, {error}")
    else:
        _read(found, found.layout, decimal)
    return found


def refuse_errors(files: Iterable[TableFile]) -> None:
    """Raise a DataError that lists what is wrong with the files, the first of it in words."""
    errors = [error for file in files for error in file.errors]
    if errors:
        more = f"; and {len(errors) - _SHOWN_ERRORS} more" if len(errors) > _SHOWN_ERRORS else ""
        raise DataError(f"nothing was imported: {'; '.join(errors[:_SHOWN_ERRORS])}{more}")


def count_files(context: RunContext, files: Sequence[TableFile]) -> None:
    """Add to the run's figures what was read, left out and replaced."""
    context.rows_read += sum(len(file.rows) for file in files)
    if left_out := {file.source_file: file.left_out for file in files if file.left_out}:
        context.extra["rows_left_out"] = left_out
    if characters := sum(file.replaced for file in files):
        context.extra["characters_replaced"] = characters


def _unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist, or is not mounted into the container"
    return f"{path} cannot be read ({error.strerror}); the user 10001 of the container must be able to"


def _read(found: TableFile, layout: Layout, decimal: str) -> None:
    name = found.source_file
    if layout.missing:
        known = {column.name: " or ".join(f'"{one}"' for one in column.headings) for column in found.table.columns}
        found.errors += [
            f"{name}, row {layout.heading_row}: the column {column} is missing; its heading may be {known[column]}"
            for column in layout.missing
        ]
        return
    values: list[dict[str, Any]] = [{} for _ in layout.records]
    wrong: dict[int, list[str]] = defaultdict(list)
    for number, why in layout.errors:
        wrong[number].append(f"{name}, row {number}: {why}")
    for column in found.table.columns:
        _read_column(found, layout, column, values, wrong, decimal)
    first_seen: dict[tuple[Any, ...], int] = {}
    for (number, _), row in zip(layout.records, values, strict=True):
        if number in wrong:
            continue
        key = tuple(row[column] for column in found.table.key)
        earlier = first_seen.setdefault(key, number)
        if earlier != number:
            wrong[number].append(f"{name}, row {number}: repeats row {earlier} (same {', '.join(found.table.key)})")
        found.rows.append((number, row))
    found.errors += [why for number in sorted(wrong) for why in wrong[number]]


def _read_column(
    found: TableFile,
    layout: Layout,
    column: Column,
    values: list[dict[str, Any]],
    wrong: dict[int, list[str]],
    decimal: str,
) -> None:
    place = layout.places.get(column.name)
    if place is None:
        for row in values:
            row[column.name] = column.default
        found.columns.append(ReadColumn(column, None, "absent", 0, None, None, 0))
        return
    cells = [cells[place] for _, cells in layout.records]
    filled = [position for position, cell in enumerate(cells) if not is_blank(cell)]
    title = layout.titles[place]
    read = read_column(column, [cells[position] for position in filled], decimal) if filled else ColumnReading([])
    for row, cell, (number, _) in zip(values, cells, layout.records, strict=True):
        if is_blank(cell):
            row[column.name] = column.default
            if column.required:
                wrong[number].append(f"{found.source_file}, row {number}, column {title}: the cell is empty")
    for position, value in zip(filled, read.values, strict=True):
        values[position][column.name] = value
    for position, why in read.wrong.items():
        number = layout.records[filled[position]][0]
        wrong[number].append(f"{found.source_file}, row {number}, column {title}: {why}")
    known = [value for value in read.values if value is not None]
    found.columns.append(
        ReadColumn(
            column,
            title,
            read.form or "no cell",
            len(filled),
            known[0] if known else None,
            known[-1] if known else None,
            read.replaced,
        )
    )
