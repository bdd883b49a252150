"""What an engine holds: databases, tables, views, as read from its system tables."""

# ruff: noqa: S608 - statements are built from declared, quoted names, never from user input
from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .client import Connection, quote
from .create_query import Column, CreateQuery, parse
from .sql_tokens import without_outer_parentheses

KINDS = {"View": "view", "MaterializedView": "materialized_view", "Dictionary": "dictionary"}
# a table that a rebuild has put aside, or the copy that an interrupted rebuild left: <table>__kept_<UTC time>
KEPT_PATTERN = "__kept_[0-9]{17}$"


@dataclass(frozen=True)
class CatalogueObject:
    """A table, view or dictionary."""

    name: str
    kind: str
    create_query: str
    select: str
    comment: str
    parts: CreateQuery
    rows: int | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.parts.columns

    @property
    def sorting(self) -> str:
        return self.parts.sorting

    @property
    def primary(self) -> str:
        return self.parts.primary


@dataclass
class Catalogue:
    """Databases by name (with their comment) and objects by ``database.name``."""

    version: str = ""
    user: str = ""
    databases: dict[str, str] = field(default_factory=dict)
    objects: dict[str, CatalogueObject] = field(default_factory=dict)


def catalogue_query(databases: Iterable[str]) -> str:
    """One SELECT, without FORMAT, that lists everything :func:`read` needs as (kind, payload) rows."""
    inside = ", ".join(quote(name) for name in databases) or "''"
    # lower_case aliases would shadow columns: prefixed with c_
    return f"""
SELECT 'engine' AS c_kind, toJSONString(map('version', version(), 'user', currentUser())) AS c_payload
UNION ALL
SELECT 'database', toJSONString(map('name', name, 'comment', comment))
FROM system.databases WHERE name IN ({inside})
UNION ALL
SELECT 'object', toJSONString(map(
    'database', database, 'name', name, 'engine', engine, 'create', create_table_query, 'select', as_select,
    'comment', comment, 'rows', ifNull(toString(total_rows), '')))
FROM system.tables WHERE database IN ({inside}) AND NOT startsWith(name, '.inner') AND NOT is_temporary"""


def read(connection: Connection, databases: Iterable[str]) -> Catalogue:
    """Read the catalogue of a live engine."""
    text = connection.execute(f"{catalogue_query(databases)}\nFORMAT JSONEachRow")
    return from_lines(text.splitlines())


def from_lines(lines: Iterable[str]) -> Catalogue:
    """Build a catalogue from the JSONEachRow answer of :func:`catalogue_query`."""
    found = Catalogue()
    for line in lines:
        if not line.strip():
            continue
        row = json.loads(line)
        payload: dict[str, Any] = json.loads(row["c_payload"])
        if row["c_kind"] == "engine":
            found.version, found.user = payload["version"], payload["user"]
        elif row["c_kind"] == "database":
            found.databases[payload["name"]] = payload["comment"]
        else:
            name = f"{payload['database']}.{payload['name']}"
            found.objects[name] = CatalogueObject(
                name=name,
                kind=KINDS.get(payload["engine"], "table"),
                create_query=payload["create"],
                select=without_outer_parentheses(payload["select"]),
                comment=payload["comment"],
                parts=parse(payload["create"]),
                rows=int(payload["rows"]) if payload["rows"] else None,
            )
    return found
