"""A report as text, as the headers of the request want it."""

from __future__ import annotations

from collections.abc import Mapping

from api_sandbox.season.truth import roubles
from api_sandbox.yandex_direct.report_rows import Cell, Money, Table

_MICROS = 10_000


def render(table: Table, headers: Mapping[str, str]) -> str:
    """The lines: name and days, columns, rows without any quoting, the number of rows if there are any.

    Headers leave lines out.
    """

    def told(name: str) -> bool:
        return headers.get(name, "").lower() == "true"

    micros = headers.get("returnmoneyinmicros", "true").lower() != "false"
    lines = []
    if not told("skipreportheader"):
        lines.append(f'"{table.name} ({table.first} - {table.last})"')
    if not told("skipcolumnheader"):
        lines.append("\t".join(table.columns))
    lines += ["\t".join(_text(cell, micros=micros) for cell in row) for row in table.rows]
    if table.rows and not told("skipreportsummary"):
        lines.append(f"Total rows: {len(table.rows)}")
    return "".join(f"{line}\n" for line in lines)


def _text(cell: Cell, *, micros: bool) -> str:
    if isinstance(cell, Money):
        return str(cell.kopecks * _MICROS) if micros else roubles(cell.kopecks)
    return str(cell)
