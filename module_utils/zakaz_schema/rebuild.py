"""A table built anew where no ALTER can do it: new table, exact copy, comparison, exchange; the old is kept."""

# ruff: noqa: S608 - statements are built from declared, quoted names, never from user input
from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from .catalogue import Catalogue, CatalogueObject, read
from .client import Connection, EngineFailure, quote_name, quote_object, rows, value
from .failures import SchemaFailure
from .plan import Operation
from .type_changes import MUTATION, lossy_rows, risk_of

# one stream keeps the order of rows, which decides between rows of an equal version
COPY = {"max_threads": 1, "max_insert_threads": 1, "optimize_on_insert": 0, "insert_deduplicate": 0}


def kept_name(name: str, at: datetime | None = None) -> str:
    """The name the old table is kept under."""
    moment = at or datetime.now(UTC)
    return f"{name}__kept_{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}"


def obstacles(connection: Connection, operation: Operation, live: Catalogue, desired: Catalogue) -> list[str]:
    """Why a rebuild would lose something or leave something behind; empty when it may go on."""
    old, new = live.objects[operation.name], desired.objects[operation.name]
    found = [
        f"the materialized view {item.name} reads it and would go on reading the old table: drop it first"
        for item in live.objects.values()
        if item.kind == "materialized_view" and operation.name in _plain(item.select)
    ]
    found += [
        f"the materialized view {item.name} writes into it: drop it first"
        for item in live.objects.values()
        if item.kind == "materialized_view" and item.parts.target == operation.name
    ]
    kept = {column.name for column in new.columns}
    for column in old.columns:
        if column.name not in kept and column.default_kind not in ("ALIAS", "EPHEMERAL"):
            found.append(f"column {column.name} would be lost: drop it with an ALTER of its own first")
    types = {column.name: column.type for column in new.columns}
    for column in old.columns:
        target = types.get(column.name, column.type)
        if target == column.type or risk_of(column.type, target) == MUTATION:
            continue
        lossy = lossy_rows(quote_name(column.name), column.type, target)
        try:
            count = int(value(connection, f"SELECT count() AS c FROM {quote_object(old.name)} WHERE {lossy}"))
        except EngineFailure as error:
            found.append(f"column {column.name}: {column.type} → {target} cannot be proved: {error.text}")
            continue
        if count:
            found.append(f"column {column.name}: {count} rows would lose their value as {target}")
    return found


def _plain(select: str) -> str:
    return select.replace("`", "")


def rebuild(
    connection: Connection,
    operation: Operation,
    live: Catalogue,
    desired: Catalogue,
    run: Callable[[str], None],
) -> str:
    """Rebuild one table.

    :param run: sends one statement and writes it into the journal.
    :returns: the name the old table is kept under.
    :raises SchemaFailure: the copy is not equal to the table; the table is as it was.
    """
    old, new = live.objects[operation.name], desired.objects[operation.name]
    aside = kept_name(operation.name)
    run(operation.statement.renamed(aside).replace("IF NOT EXISTS ", "", 1))
    columns = _stored(old, new)
    listed = ", ".join(quote_name(name) for name in columns)
    try:
        copy = f"INSERT INTO {quote_object(aside)} ({listed}) SELECT {listed} FROM {quote_object(operation.name)}"
        _copy(connection, run, copy)
        difference = compare(connection, old, new, aside, columns)
        if difference and "Replacing" in old.parts.engine:
            # rows of an equal version may have changed places: take the rows readers see
            run(f"TRUNCATE TABLE {quote_object(aside)}")
            _copy(connection, run, f"{copy} FINAL")
            difference = compare(connection, old, new, aside, columns)
        if difference:
            raise SchemaFailure(
                f"the rebuilt copy differs from the table: {difference}.",
                file=operation.statement.file,
                line=operation.statement.line,
                name=operation.name,
                mend="Nothing was exchanged. Stop the loaders and run again; if it repeats, the new key "
                "or version column merges rows that differ.",
            )
        run(f"EXCHANGE TABLES {quote_object(operation.name)} AND {quote_object(aside)}")
    except (EngineFailure, SchemaFailure):
        # only while the table is the old one: an exchange whose answer was an error may still have happened
        now = read(connection, [operation.name.partition(".")[0]]).objects
        if now[operation.name].create_query == old.create_query:
            connection.execute(f"DROP TABLE IF EXISTS {quote_object(aside)}")
        raise
    # rows that came between the comparison and the exchange are in the kept table now
    late = compare(connection, old, new, operation.name, columns, source=aside)
    if late:
        fresh = f"cityHash64({listed})"
        run(
            f"INSERT INTO {quote_object(operation.name)} ({listed}) SELECT {listed} FROM {quote_object(aside)} "
            f"WHERE {fresh} NOT IN (SELECT {fresh} FROM {quote_object(operation.name)})"
        )
    return aside


def _copy(connection: Connection, run: Callable[[str], None], sql: str) -> None:
    settings = ", ".join(f"{key} = {item}" for key, item in COPY.items())
    # in the statement itself, so that the journal shows what was run
    head, _, tail = sql.partition(" SELECT ")
    run(f"{head} SETTINGS {settings} SELECT {tail}")


def _stored(old: CatalogueObject, new: CatalogueObject) -> list[str]:
    """Columns that hold data in both tables."""
    computed = ("ALIAS", "EPHEMERAL", "MATERIALIZED")
    kept = {column.name for column in new.columns if column.default_kind not in computed}
    return [c.name for c in old.columns if c.name in kept and c.default_kind not in ("ALIAS", "EPHEMERAL")]


def compare(
    connection: Connection,
    old: CatalogueObject,
    new: CatalogueObject,
    copy: str,
    columns: Sequence[str],
    source: str = "",
) -> str:
    """Count, sums of numbers and a digest of all rows as readers see them; '' when equal."""
    types = {column.name: column.type for column in new.columns}
    left = _figures(connection, source or old.name, old, columns, types)
    right = _figures(connection, copy, new, columns, types)
    return ", ".join(f"{key} {left[key]} → {right[key]}" for key in left if left[key] != right[key])


def _figures(
    connection: Connection, name: str, item: CatalogueObject, columns: Sequence[str], types: dict[str, str]
) -> dict[str, str]:
    final = " FINAL" if any(word in item.parts.engine for word in ("Replacing", "Collapsing", "Summing")) else ""
    numeric = [
        column.name
        for column in item.columns
        if column.name in columns and any(word in column.type for word in ("Int", "Decimal", "Float"))
    ]
    # the digest reads both sides in the new types, so that a widened column compares equal
    typed = ", ".join(f"CAST({quote_name(name)} AS {types[name]})" for name in columns)
    sums = "".join(f", toString(sum({quote_name(name)})) AS {quote_name('sum of ' + name)}" for name in numeric)
    found = rows(
        connection,
        f"SELECT toString(count()) AS rows{sums}, toString(sum(cityHash64({typed}))) AS digest "
        f"FROM {quote_object(name)}{final}",
    )[0]
    return {key: str(item) for key, item in found.items()}
