"""Read-only queries and what their answers must be."""

# ruff: noqa: S608 - statements are built from declared, quoted names, never from user input
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .client import Connection, EngineFailure, parameter_settings, rows
from .failures import SchemaFailure
from .sql_tokens import tokens

_READING = ("SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "(")

_READONLY = 164
# read-only on the server's side too; numbers as text, so that JSON rounds nothing
READING = {
    "readonly": 2,
    "output_format_json_quote_64bit_integers": 1,
    "output_format_json_quote_decimals": 1,
    "output_format_json_quote_denormals": 1,
}


@dataclass(frozen=True)
class Expectation:
    """What an answer must be.

    :param first_row: values of columns of the first row, compared as text.
    :param rows: exact number of rows.
    :param least: least number of rows.
    :param conditions: SQL conditions true for every row.
    """

    first_row: Mapping[str, Any] = field(default_factory=dict)
    rows: int | None = None
    least: int | None = None
    conditions: tuple[str, ...] = ()


def read_only_query(text: str) -> str:
    """The query without its closing semicolon.

    :raises SchemaFailure: it is empty, more than one statement, not a reading one, or names a FORMAT.
    """
    items = tokens(text)
    while items and items[-1].text == ";":
        items.pop()
    if not items:
        raise SchemaFailure("the query is empty.")
    if any(token.text == ";" and token.kind == "operator" for token in items):
        raise SchemaFailure("one statement is expected and several are given.", mend="Use one task a query.")
    if items[0].upper not in _READING:
        raise SchemaFailure(
            f"only reading statements are run here and this begins with {items[0].text}.",
            mend="The schema is changed by clickhouse_schema, rows by the loaders.",
        )
    if len(items) > 2 and items[-2].upper == "FORMAT":
        raise SchemaFailure("the query names a FORMAT; rows are returned as data.", mend="Leave FORMAT out.")
    return text[items[0].start : items[-1].end]


def check_answer(
    connection: Connection,
    query: str,
    parameters: Mapping[str, Any],
    settings: Mapping[str, Any],
    expectation: Expectation,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Run the query: (its rows, sentences about what is not as expected)."""
    options = {**READING, **settings, **parameter_settings(parameters)}
    answer = _read(connection, query, options)
    failures = []
    if expectation.rows is not None and len(answer) != expectation.rows:
        failures.append(f"Expected {expectation.rows} rows, found {len(answer)}.")
    if expectation.least is not None and len(answer) < expectation.least:
        failures.append(f"Expected at least {expectation.least} rows, found {len(answer)}.")
    if expectation.first_row and not answer:
        failures.append("Expected a first row, found none.")
    for column, wanted in expectation.first_row.items():
        if not answer:
            break
        if column not in answer[0]:
            failures.append(f"Expected a column {column}, found {', '.join(answer[0])}.")
        elif _text(answer[0][column]) != _text(wanted):
            failures.append(f"Expected {column} = {_text(wanted)}, found {_text(answer[0][column])}.")
    for condition in expectation.conditions:
        failures.extend(_condition(connection, query, condition, options))
    return answer, failures


def _condition(connection: Connection, query: str, condition: str, options: Mapping[str, Any]) -> list[str]:
    # a NULL condition is not a true one
    sql = f"SELECT * FROM ({query}) WHERE NOT ifNull(toBool({condition}), false) LIMIT 1"
    broken = _read(connection, sql, options)
    if not broken:
        return []
    shown = ", ".join(f"{key}={_text(item)}" for key, item in broken[0].items())
    return [f"Expected {condition} for every row; it is not so for {shown}."]


def _text(item: Any) -> str:
    if item is None:
        return "NULL"
    if isinstance(item, bool):
        return "1" if item else "0"
    return str(item)


def _read(connection: Connection, query: str, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Run a query read-only; a user whose profile is read-only already may not set that again (error 164)."""
    try:
        return rows(connection, query, options)
    except EngineFailure as failure:
        if failure.code != _READONLY or "'readonly'" not in str(failure):
            raise
    return rows(connection, query, {key: item for key, item in options.items() if key != "readonly"})
