"""Reading the table of a report: tabs, no quotes, and a last line that says how many rows there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

#: ``Total rows: 12``, in whatever language. A row begins with its day, so a line that was cut never looks like this.
_SUMMARY = re.compile(r"[^\t\d]+(\d+)\s*")

#: How Direct writes what it does not know. It is not 0.
UNKNOWN = frozenset({"--", "-", ""})


@dataclass(slots=True)
class Table:
    """The rows of a report.

    Parameters:
        cells: the cells of a line, in the order of the fields asked for.
        rows: number of the line in the answer, and the line: many thousands would be too large as cells.
        broken: line number and number of cells of the lines that are no rows.
        stated: how many rows the report says it has; None for one without a last line.
    """

    cells: Callable[[str], tuple[str, ...]]
    rows: list[tuple[int, str]] = field(default_factory=list)
    broken: list[tuple[int, int]] = field(default_factory=list)
    stated: int | None = None

    @property
    def count(self) -> int:
        """How many rows the report has, those that cannot be read included."""
        return max(self.stated or 0, len(self.rows) + len(self.broken))


def read_table(body: bytes, fields: Sequence[str], *, text_last: bool = False) -> Table:
    """The table of an answer without a title, its columns found by name.

    Parameters:
        text_last: the last of the fields is free text; a tab or a new line in it are taken for a part of it.
    Raises ValueError for half a table: it is asked for again. A table of no rows that does not say so is
    whole as far as can be seen; ``stated`` is None then.
    """
    # Never splitlines: it would split at signs that are a part of a name. A byte that is no UTF-8 is in a name, too.
    lines = body.decode("utf-8-sig", "replace").replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    heads = lines[0].split("\t") if lines else []
    if absent := [name for name in fields if name not in heads]:
        raise ValueError(f"the table has no column {', '.join(absent)}")
    width = len(heads)
    splits = width - 1 if text_last and heads[-1] == fields[-1] else -1
    pick = itemgetter(*(heads.index(name) for name in fields))
    table = Table(lambda line: pick(line.split("\t", splits)))
    if len(lines) > 1 and (summary := _SUMMARY.fullmatch(lines[-1].rstrip("\t"))):
        table.stated = int(summary[1])
        lines.pop()
    for number, line in enumerate(lines[1:], 2):
        tabs = line.count("\t")
        if tabs == width - 1 or (splits != -1 and tabs >= width):
            table.rows.append((number, line))
        elif splits != -1 and table.rows:
            at, before = table.rows[-1]
            table.rows[-1] = (at, f"{before} {line}")
        else:
            table.broken.append((number, tabs + 1))
    read = len(table.rows) + len(table.broken)
    if read < (table.stated or 0):
        raise ValueError(f"the table has {read} of its {table.stated} rows")
    if table.stated is None and read:
        raise ValueError("the table ends without the number of its rows")
    return table
