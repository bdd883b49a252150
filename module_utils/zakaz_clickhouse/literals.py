"""Values and names as ClickHouse reads them: in a statement, and as parameters beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def quote(text: str) -> str:
    """A string literal for ``text``."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    """A quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def quote_object(name: str) -> str:
    """``database.table`` with both parts quoted."""
    database, _, table = name.partition(".")
    return f"{quote_name(database)}.{quote_name(table)}"


def parameter_settings(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Query parameters as the HTTP interface takes them."""
    return {f"param_{name}": parameter_text(item) for name, item in parameters.items()}


def parameter_text(item: Any, *, nested: bool = False) -> str:
    """One parameter's value in ClickHouse's escaped text form."""
    if item is None:
        return "NULL" if nested else "\\N"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, (list, tuple)):
        return "[" + ", ".join(parameter_text(part, nested=True) for part in item) + "]"
    text = str(item)
    if nested:
        return quote(text) if isinstance(item, str) else text
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
