"""Says, for people, what the files were read as."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from qtickets_api.brought.tables.layout import DELIMITERS
from qtickets_api.brought.tables.reader import ReadColumn, TableFile

_SHOWN_ROWS = 8
_SHOWN_CHARACTERS = 60
_KINDS = {
    "text": "text", "id": "id", "count": "whole number", "amount": "amount", "day": "day", "month": "month",
    "currency": "currency",
}  # fmt: skip


def explain(files: Iterable[TableFile]) -> Iterator[str]:
    """Lines that tell every file's encoding, delimiter, columns, rows left out and errors."""
    for file in files:
        yield from _explain(file)


def _explain(file: TableFile) -> Iterator[str]:
    layout = file.layout
    if layout is None:
        yield f"{file.source_file}: {file.encoding or 'encoding not known'}"
    else:
        yield (
            f"{file.source_file}: {file.encoding}, delimiter {DELIMITERS[layout.delimiter]}, headings in row "
            f"{layout.heading_row}, {len(layout.records)} rows of data"
        )
    for column in file.columns:
        yield f"  {_column(column)}"
    for reason, rows in layout.left_out.items() if layout else ():
        shown = ", ".join(map(str, rows[:_SHOWN_ROWS])) + (", …" if len(rows) > _SHOWN_ROWS else "")
        yield f"  left out, {reason}: {len(rows)} row{'s' if len(rows) > 1 else ''} ({shown})"
    for error in file.errors[:_SHOWN_ROWS]:
        yield f"  WRONG {error}"
    if len(file.errors) > _SHOWN_ROWS:
        yield f"  WRONG and {len(file.errors) - _SHOWN_ROWS} more"


def _column(read: ReadColumn) -> str:
    name = read.column.name
    if read.title is None:
        return f"{name}: no such heading; {_default(read.column.default)} everywhere"
    said = f'{name}: heading "{_cut(read.title)}", {_KINDS[read.column.kind]}'
    if read.form != _KINDS[read.column.kind]:
        said += f", {read.form}"
    said += f", {read.cells} cell{'s' if read.cells != 1 else ''}"
    if read.first is not None:
        said += f", first {_shown(read.first)}, last {_shown(read.last)}"
    if read.replaced:
        said += f", {read.replaced} control characters replaced"
    return said


def _default(value: Any) -> str:
    return "nothing" if value is None or value == "" else _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return f'"{_cut(value)}"' if isinstance(value, str) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
