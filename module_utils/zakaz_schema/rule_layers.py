"""Layers: what every table of the warehouse carries, and what keys may be made of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .create_query import Column, CreateQuery, parse
from .findings import Finding
from .rule_order import finding
from .sql_tokens import tokens, without_outer_parentheses
from .statements import Statement

_MOMENT = re.compile(
    r"^(now|now64|nowInBlock|today|yesterday|current_date|current_timestamp|curdate|UTCTimestamp|"
    r"rand|rand32|rand64|randConstant|randCanonical|random\w*|generateUUIDv[47]|generateULID|generateSnowflakeID|"
    r"hostName|FQDN|uptime|queryID|currentUser|rowNumberInAllBlocks|rowNumberInBlock|blockNumber|serverUUID)$",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"(^|_)(price|amount|revenue|spend|spent|cost|fee|discount_value|deduction|gmv|income|expense|sum_rub|budget)(_|$)",
    re.IGNORECASE,
)
_MUTABLE = re.compile(
    r"(^|_)(name|status|state|title|price|amount|revenue|spend|comment|message|url|updated_at|loaded_at|ver)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"^(Nullable\()?(Float|U?Int|BFloat)\d+")
# tables without money of their own to sum: a plan is in roubles by name
_WITHOUT_CURRENCY = re.compile(r"(^|_)plan_")


def check_table(statement: Statement) -> Iterator[Finding]:
    """Findings about one CREATE TABLE."""
    parts = parse(statement.sql)
    columns = {column.name: column for column in parts.columns}
    if "MergeTree" not in parts.engine or not columns:
        return
    database = statement.database
    yield from _carried(statement, database, columns)
    for column in parts.columns:
        yield from _column(statement, column)
    yield from _keys(statement, parts, columns)


def _carried(statement: Statement, database: str, columns: dict[str, Column]) -> Iterator[Finding]:
    if "_loaded_at" not in columns:
        yield finding(statement, "layer-loaded-at", "Add _loaded_at DateTime('Europe/Moscow') to the CREATE.")
    if database == "zakaz" and "_ver" not in columns:
        yield finding(statement, "layer-ver", "Add _ver UInt64 to the CREATE.")
    money = [name for name, column in columns.items() if _is_money(column)]
    table = statement.name.partition(".")[2]
    if money and "currency" not in columns and not _WITHOUT_CURRENCY.search(table):
        yield finding(
            statement, "layer-currency", f"Add currency beside {money[0]}: sums of two currencies mean nothing."
        )


def _is_money(column: Column) -> bool:
    return bool(_MONEY.search(column.name)) and not column.name.endswith("_id")


def _column(statement: Statement, column: Column) -> Iterator[Finding]:
    token = next((t for t in statement.tokens[statement.name_at[1] :] if t.name == column.name), None)
    if _is_money(column) and _NUMBER.match(column.type):
        yield finding(
            statement, "layer-money", f"{column.name} is {column.type}; money is Decimal(18, 2) roubles.", token
        )
    if re.search(r"\bDateTime(?!64|32)\b(?!\()", column.type) or re.search(
        r"\bDateTime(64\(\d+\)|32\b(?!\())", column.type
    ):
        yield finding(
            statement,
            "layer-time-zone",
            f"{column.name} is {column.type}; write DateTime('Europe/Moscow'): the server's zone may differ.",
            token,
        )


def _keys(statement: Statement, parts: CreateQuery, columns: dict[str, Column]) -> Iterator[Finding]:
    for clause, text in (
        ("ORDER BY", parts.sorting),
        ("PARTITION BY", parts.partition),
        ("PRIMARY KEY", parts.primary),
        ("SAMPLE BY", parts.sampling),
        ("TTL", ", ".join(parts.ttl)),
        *((f"TTL of {column.name}", column.ttl) for column in parts.columns),
    ):
        for token in tokens(text):
            if token.kind == "word" and _MOMENT.match(token.text):
                yield finding(
                    statement, "determinism-key", f"{clause} uses {token.text}(); write it over columns of the row."
                )
    key = _columns_in(parts.sorting, columns)
    if not key or without_outer_parentheses(parts.sorting) in ("", "tuple()"):
        yield finding(statement, "layer-no-key", "ORDER BY names no column; sort by the business key.")
    if "Replacing" not in parts.engine:
        return
    version = parts.engine_arguments[0].strip("`") if parts.engine_arguments else ""
    if not version:
        yield finding(
            statement, "layer-version-column", "ReplacingMergeTree without a version keeps any row; write (_ver)."
        )
    elif version not in columns:
        yield finding(statement, "layer-version-column", f"The version column {version} does not exist.")
    elif not re.match(r"^(UInt\d+|Date|DateTime)", columns[version].type):
        yield finding(
            statement, "layer-version-column", f"The version column {version} is {columns[version].type}; use UInt64."
        )
    outside = [name for name in _columns_in(parts.partition, columns) if name not in key]
    if outside:
        yield finding(
            statement,
            "layer-partition",
            f"{outside[0]} partitions and is not in ORDER BY: versions of a row in two partitions never merge.",
        )
    for name in key:
        if _MUTABLE.search(name):
            yield finding(
                statement,
                "layer-mutable-key",
                f"{name} may change, and then the old row stays; take it out of the key.",
            )


def _columns_in(text: str, columns: dict[str, Column]) -> list[str]:
    return [token.name for token in tokens(text) if token.kind in ("word", "quoted") and token.name in columns]
