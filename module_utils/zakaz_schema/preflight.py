"""Counts taken before a change that could lose something."""

# ruff: noqa: S608 - statements are built from declared, quoted names, never from user input
from __future__ import annotations

from dataclasses import replace

from .catalogue import Catalogue
from .client import Connection, EngineFailure, quote_object, value
from .plan import Operation, Plan
from .table_changes import Action
from .type_changes import DESTRUCTIVE, UNSAFE


def with_counts(connection: Connection, plan: Plan, live: Catalogue) -> Plan:
    """The plan with the number of rows at stake written into each risky action.

    An unsafe action whose count is not zero, or cannot be taken, becomes destructive.
    """
    return Plan([_counted(connection, operation, live) for operation in plan.operations])


def _counted(connection: Connection, operation: Operation, live: Catalogue) -> Operation:
    if not any(action.lossy for action in operation.actions):
        return operation
    actions = tuple(_count(connection, operation.name, action) for action in operation.actions)
    return replace(
        operation,
        actions=actions,
        risks=frozenset(action.risk for action in actions),
        says=tuple(action.says for action in actions),
    )


def _count(connection: Connection, name: str, action: Action) -> Action:
    if not action.lossy:
        return action
    try:
        rows = int(value(connection, f"SELECT count() AS c_rows FROM {quote_object(name)} WHERE {action.lossy}"))
    except EngineFailure as error:
        says = f"{action.says} (the rows at stake cannot be counted: {error.text})"
        return replace(action, risk=DESTRUCTIVE, says=says)
    words = {
        "DROP COLUMN": f"{rows} rows hold a value",
        "MODIFY TTL": f"{rows} rows have expired already",
    }.get(" ".join(action.sql.split()[:2]), f"{rows} rows would lose their value")
    risk = DESTRUCTIVE if action.risk == UNSAFE and rows else action.risk
    return replace(action, risk=risk, says=f"{action.says} ({words})")
