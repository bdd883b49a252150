"""A report as lines of cells with tabs between them: no quoting, names in the first line or under a title.

The last line may be a count, ``Total rows: 5``. Bytes that are no UTF-8 survive reading and writing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COUNT = re.compile(r"([^\t]+: )(\d+)")


@dataclass(slots=True)
class ReportText:
    """Its parts; ``count`` is (what the last line says before the number, the number), both empty without that line."""

    title: list[str]
    names: list[str]
    rows: list[dict[str, str]]
    count: tuple[str, str]

    @classmethod
    def read(cls, body: bytes) -> ReportText | None:
        """The report of a body; None when there is no line of names to read it by."""
        lines = body.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
        title = [lines.pop(0)] if lines[0].startswith('"') else []
        if not lines or not lines[0]:
            return None
        names = lines.pop(0).split("\t")
        last = _COUNT.fullmatch(lines[-1]) if lines else None
        rows = [dict(zip(names, line.split("\t"), strict=False)) for line in (lines[:-1] if last else lines)]
        return cls(title, names, rows, (last[1], last[2]) if last else ("", ""))

    def write(self) -> bytes:
        """The body again."""
        lines = [*self.title, "\t".join(self.names), *("\t".join(map(str, row.values())) for row in self.rows)]
        if self.count[0]:
            lines.append("".join(map(str, self.count)))
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
