"""Where a table stands in its file: the delimiter, the row of headings, the rows that are no records."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from qtickets_api.brought.tables.cells import TOTAL_BEGINS, TOTAL_CELL, TOTAL_OF_NUMBERS, is_blank, plain
from qtickets_api.brought.tables.columns import Column, heading

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_HEADINGS_WITHIN = 50
"""The row of headings is looked for in the first rows: titles and notes stand above it."""
_LONGEST_CELL = 1 << 20  # characters

Record = tuple[int, list[str]]
"""A row's number, as a spreadsheet counts, and its cells."""


class LayoutError(ValueError):
    """The text holds no such table; the text says where and why."""


@dataclass(slots=True)
class Layout:
    """A table found in a text.

    `places` are the columns' positions by name, `titles` the headings as written, `records` the rows of data,
    `left_out` the row numbers that are none, by reason, and `errors` rows that do not fit the headings.
    """

    delimiter: str
    heading_row: int = 1
    places: dict[str, int] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    left_out: dict[str, list[int]] = field(default_factory=dict)
    errors: list[tuple[int, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def find_table(text: str, columns: Sequence[Column], key: Sequence[str]) -> Layout:
    """Find the table of `columns` in a text. `key` names the columns without which a row is no record.

    Raises LayoutError where it cannot be cut into rows or a heading stands twice.
    """
    declared, text, skipped = _declared(text)
    candidates = [declared] if declared else list(DELIMITERS)
    delimiter = max(candidates, key=lambda sign: _recognised(text, sign, columns))
    rows = list(_rows(text, delimiter, after=skipped))
    layout = Layout(delimiter)
    if skipped:
        layout.left_out["names the delimiter"] = [1]
    first, width = _find_headings(layout, rows, columns)
    if not layout.missing:
        _sort_out(layout, rows[first:], columns, key, width)
    return layout


def _declared(text: str) -> tuple[str, str, int]:
    """Excel may say `sep=;` in a first line of its own."""
    first, _, rest = text.partition("\n")
    line = first.strip().strip('"').lower()
    if line.startswith("sep=") and line[4:] in (",", ";", "") and len(first.strip('\r"')) <= 6:
        return line[4:] or "\t", rest, 1
    return "", text, 0


def _rows(text: str, delimiter: str, after: int = 0) -> Iterator[Record]:
    csv.field_size_limit(_LONGEST_CELL)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = after
    try:
        for cells in lines:
            number += 1
            yield number, cells
    except csv.Error as error:
        if "field limit" in str(error):
            raise LayoutError(
                f"row {number + 1}: a cell of more than {_LONGEST_CELL} characters, or a quote that is never closed"
            ) from None
        raise LayoutError(f"row {number + 1}: the quotes do not match") from None


def _recognised(text: str, delimiter: str, columns: Sequence[Column]) -> tuple[int, int]:
    """How many columns the best of the first rows names, and how often the first line has the sign."""
    best = 0
    try:
        for _, cells in islice(_rows(text, delimiter), _HEADINGS_WITHIN):
            best = max(best, len(_places(cells, columns)))
    except LayoutError:
        pass
    return best, text.partition("\n")[0].count(delimiter)


def _places(cells: Sequence[str], columns: Sequence[Column]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    headings = [heading(cell) for cell in cells]
    for column in columns:
        at = [position for position, name in enumerate(headings) if name in column.headings]
        if at:
            found[column.name] = at
    return found


def _find_headings(layout: Layout, rows: Sequence[Record], columns: Sequence[Column]) -> tuple[int, int]:
    """Fill in the headings; returns the index of the first row below them and how many cells they are wide.

    Cells merged over two rows leave their text in the upper one: there the lower row's blanks are filled from above.
    """
    required = {column.name for column in columns if column.required}
    best: tuple[int, int, list[str], dict[str, list[int]]] = (1, 1, [], {})
    for index, (number, cells) in enumerate(rows[:_HEADINGS_WITHIN]):
        options = [(index + 1, cells)]
        if index + 1 < len(rows):
            lower = rows[index + 1][1]
            width = max(len(cells), len(lower))
            upper_, lower_ = cells + [""] * (width - len(cells)), lower + [""] * (width - len(lower))
            merged = [low if not is_blank(low) else up for up, low in zip(upper_, lower_, strict=True)]
            if _places(lower, columns) and _places(cells, columns):
                options.append((index + 2, merged))
        for below, titles in options:
            places = _places(titles, columns)
            if len(places) > len(best[3]):
                best = (below, number, titles, places)
        if required <= set(best[3]):
            break
    below, layout.heading_row, titles, places = best
    layout.titles = [plain(title) for title in titles]
    layout.missing = [column.name for column in columns if column.required and column.name not in places]
    if not layout.missing:
        above = [
            number for number, cells in rows if number < layout.heading_row and any(not is_blank(c) for c in cells)
        ]
        if above:
            layout.left_out["above the headings"] = above
    for at in places.values():
        if len(at) > 1:
            raise LayoutError(f"row {layout.heading_row}: two columns are headed {layout.titles[at[0]]} or alike")
    layout.places = {name: at[0] for name, at in places.items()}
    named = [position for position, title in enumerate(titles) if not is_blank(title)]
    return below, named[-1] + 1 if named else 0


def _sort_out(
    layout: Layout, rows: Sequence[Record], columns: Sequence[Column], key: Sequence[str], width: int
) -> None:
    """Tell records from blank rows, headings that repeat and totals; name rows that do not fit."""
    places = layout.places
    texts = {column.name for column in columns if column.kind == "text"}
    required = {column.name for column in columns if column.required}
    keys = [(places[name], name in texts) for name in key if name in required]
    total = TOTAL_OF_NUMBERS if any(column.kind in ("amount", "count") for column in columns) else TOTAL_CELL
    titles = {position: heading(layout.titles[position]) for position in places.values()}
    for number, cells in rows:
        if all(is_blank(cell) for cell in cells):
            layout.left_out.setdefault("empty", []).append(number)
            continue
        if all(position < len(cells) and heading(cells[position]) == title for position, title in titles.items()):
            layout.left_out.setdefault("the headings again", []).append(number)
            continue
        if _is_total(cells, keys, total):
            layout.left_out.setdefault("a total", []).append(number)
            continue
        extra = sum(not is_blank(cell) for cell in cells[width:])
        if extra:
            layout.errors.append(
                (
                    number,
                    f"{len(cells)} cells were found, the headings are {width}: a decimal comma or a "
                    f"{DELIMITERS[layout.delimiter]} within a cell needs quotes around the cell, or export with "
                    "another delimiter",
                )
            )
        elif len(cells) < width:
            layout.errors.append(
                (
                    number,
                    f"{len(cells)} cells were found, the headings are {width}: which are missing cannot be told; "
                    "give every row all its cells, empty ones too",
                )
            )
        else:
            layout.records.append((number, cells))


def _is_total(cells: Sequence[str], keys: Sequence[tuple[int, bool]], total: re.Pattern[str]) -> bool:
    """A row that says it is a total, and that lacks what makes a record, or has the word in its place."""
    words = [plain(cell) for cell in cells]
    if not any(TOTAL_BEGINS.match(word) or total.fullmatch(word) for word in words):
        return False
    for position, is_text in keys:
        word = words[position] if position < len(words) else ""
        if not word or total.fullmatch(word) or (not is_text and TOTAL_BEGINS.match(word)):
            return True
    return False
