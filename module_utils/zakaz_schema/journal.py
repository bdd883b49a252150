"""The schema's journal: what was done, and the fingerprints an unchanged schema is recognised by."""

# ruff: noqa: S608 - statements are built from declared, quoted names, never from user input
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .client import Connection, EngineFailure, quote, rows
from .statements import Statement, databases, fingerprint

JOURNAL = "meta.schema_journal"
# part of the declared fingerprint: a planner that sees more must look again once
PLANNER = "1"


@dataclass
class Entry:
    """One line of the journal."""

    name: str
    operation: str
    risk: str
    status: str
    statement: str = ""
    error: str = ""
    duration_ms: int = 0
    details: dict[str, Any] = field(default_factory=dict)


def declared_fingerprint(statements: Sequence[Statement]) -> str:
    """Digest of the declared schema and of the planner that reads it."""
    return f"{PLANNER}:{fingerprint(list(statements))}"


def live_fingerprint_query(owned: Iterable[str]) -> str:
    """A scalar SELECT: digest of every definition in the schema's databases."""
    inside = ", ".join(quote(name) for name in owned)
    return f"""(SELECT lower(hex(SHA256(arrayStringConcat(groupArray(c_definition), char(10))))) FROM (
    SELECT concat(database, '.', name, ' ', create_table_query) AS c_definition FROM system.tables
    WHERE database IN ({inside}) AND NOT startsWith(name, '.inner') AND NOT is_temporary
    ORDER BY database, name))"""


def unchanged(connection: Connection, statements: Sequence[Statement]) -> dict[str, Any] | None:
    """The facts of the last converged run, when nothing changed since then; one query.

    Unfinished mutations, other definitions, another engine, other files, rows of a seed that went
    missing: each makes it answer None, and the whole comparison is done.
    """
    owned = databases(list(statements))
    seeds = [s.select() for s in statements if s.kind == "insert"]
    counts = " + ".join(f"(SELECT count() FROM ({select}))" for select in seeds) or "0"
    inside = ", ".join(quote(name) for name in owned)
    sql = f"""SELECT
    version() AS c_version,
    {live_fingerprint_query(owned)} AS c_live,
    (SELECT count() FROM system.mutations WHERE NOT is_done AND database IN ({inside})) AS c_mutations,
    toUInt64({counts}) AS c_seeds,
    (SELECT argMax((desired_fingerprint, live_fingerprint, engine_version, details), applied_at)
     FROM {JOURNAL} WHERE status = 'converged') AS c_last"""
    try:
        found = rows(connection, sql)[0]
    except EngineFailure:
        return None
    last = found["c_last"]
    desired, live, version, details = list(last.values()) if isinstance(last, dict) else last
    same = (
        desired == declared_fingerprint(statements)
        and live == found["c_live"]
        and version == found["c_version"]
        and int(found["c_mutations"]) == 0
        and int(found["c_seeds"]) == 0
    )
    return {"version": found["c_version"], "details": json.loads(details or "{}")} if same else None


def write(connection: Connection, run_id: str, version: str, desired: str, live: str, entries: Sequence[Entry]) -> None:
    """Append entries; the table must exist."""
    columns = (
        "applied_at, run_id, ordinal, object, operation, risk, status, statement, error, duration_ms, "
        "engine_version, desired_fingerprint, live_fingerprint, details"
    )
    lines = []
    for ordinal, entry in enumerate(entries):
        texts = [entry.name, entry.operation, entry.risk, entry.status, entry.statement, entry.error]
        lines.append(
            f"(now64(3), {quote(run_id)}, {ordinal}, {', '.join(quote(text) for text in texts)}, "
            f"{entry.duration_ms}, {quote(version)}, {quote(desired)}, {quote(live)}, "
            f"{quote(json.dumps(entry.details, ensure_ascii=False, sort_keys=True))})"
        )
    if lines:
        connection.execute(f"INSERT INTO {JOURNAL} ({columns}) VALUES {', '.join(lines)}")


def live_fingerprint(connection: Connection, owned: Iterable[str]) -> str:
    """Digest of every definition in the schema's databases."""
    return str(rows(connection, f"SELECT {live_fingerprint_query(owned)} AS c_live")[0]["c_live"])
