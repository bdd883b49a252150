"""What a table holds, in figures that change with any lost, doubled or altered value."""

# ruff: noqa: S608 - names come from the catalogue and are quoted
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from zakaz_clickhouse.connection import Connection, rows
from zakaz_clickhouse.literals import quote

# floats have no sum that is independent of the order; the digest covers them
_SUMMABLE = re.compile(r"^(Nullable\(|LowCardinality\()*(U?Int\d+|Decimal)")

# tables read by one statement: few questions for the client in a container, bounded memory for the engine
_TOGETHER = 10


def quoted(name: str) -> str:
    """``database.table`` as a quoted identifier."""
    return ".".join(f"`{part.replace('`', '``')}`" for part in name.split(".", 1))


@dataclass(frozen=True)
class Figures:
    """Rows, the sum of each numeric column as text, and a digest of every value of every row.

    The digest is independent of the order of rows. It is the engine's cityHash64, so it is compared between
    engines of one release only.
    """

    rows: int
    sums: dict[str, str]
    digest: str

    def stored(self) -> dict[str, Any]:
        """The figures as JSON holds them."""
        return asdict(self)


def figures(connection: Connection, tables: Iterable[str]) -> dict[str, Figures]:
    """Read the figures of tables; merged or not, every row counts."""
    names = list(tables)
    columns = _summable(connection, {name.split(".", 1)[0] for name in names})
    found = {}
    for batch in (names[at : at + _TOGETHER] for at in range(0, len(names), _TOGETHER)):
        selects = [_select(name, columns.get(name, [])) for name in batch]
        for row in rows(connection, "\nUNION ALL\n".join(selects)):
            sums = dict(zip(columns.get(row["c_table"], []), row["c_sums"], strict=True))
            found[row["c_table"]] = Figures(rows=int(row["c_rows"]), sums=sums, digest=row["c_digest"])
    return found


def _summable(connection: Connection, databases: Iterable[str]) -> dict[str, list[str]]:
    inside = ", ".join(quote(name) for name in databases)
    columns: dict[str, list[str]] = {}
    for row in rows(
        connection,
        "SELECT concat(database, '.', table) AS c_table, name, type FROM system.columns "
        f"WHERE database IN ({inside}) AND default_kind NOT IN ('ALIAS', 'EPHEMERAL') ORDER BY c_table, position",
    ):
        if _SUMMABLE.match(row["type"]):
            columns.setdefault(row["c_table"], []).append(row["name"])
    return columns


def _select(name: str, columns: Iterable[str]) -> str:
    sums = ", ".join(f"ifNull(toString(sum({quoted(column)})), '')" for column in columns)
    # tuple(): a NULL in any column would make the hash NULL and drop the row from the digest
    return (
        f"SELECT {quote(name)} AS c_table, toString(count()) AS c_rows, "
        f"toString(sum(cityHash64(tuple(*)))) AS c_digest, CAST([{sums}], 'Array(String)') AS c_sums "
        f"FROM {quoted(name)}"
    )


def differences(expected: Mapping[str, Figures], found: Mapping[str, Figures], *, digests: bool = True) -> list[str]:
    """Say how the figures of each expected table differ.

    :param digests: compare the digests too; right between engines of one release.
    """
    said = []
    for name, wanted in sorted(expected.items()):
        seen = found.get(name)
        if seen is None:
            said.append(f"{name} is missing")
        elif seen.rows != wanted.rows:
            said.append(f"{name} has {seen.rows} rows instead of {wanted.rows}")
        elif seen.sums != wanted.sums:
            columns = [column for column in wanted.sums if seen.sums.get(column) != wanted.sums[column]]
            at = columns[0] if columns else "another set of columns"
            said.append(f"{name} has {at} = {seen.sums.get(at)} in sum instead of {wanted.sums.get(at)}")
        elif digests and seen.digest != wanted.digest:
            said.append(f"{name} has the right counts and sums but other values")
    return said
