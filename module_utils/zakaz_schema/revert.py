"""Putting objects back as they were when a statement in the middle of a run fails."""

# ruff: noqa: S608 - statements are built from declared, quoted names, never from user input
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .catalogue import Catalogue, CatalogueObject, read
from .client import ClickHouseFailure, Connection, EngineFailure, quote, quote_object
from .drift import stuck_mutations
from .plan import alter_statements
from .statements import drop_statement
from .table_changes import alter_actions, rebuild_reasons

# an ALTER is waited for, so that a failed mutation is an error of the statement itself
WAIT = {"alter_sync": 2, "mutations_sync": 2}


@dataclass
class Reverted:
    """What was put back, and what could not be, in words."""

    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def put_back(connection: Connection, touched: Sequence[str], before: Catalogue) -> Reverted:
    """Bring the touched objects back to the catalogue read before the run, newest first.

    State is compared again, not remembered: a statement whose answer was lost counts as what it did.
    A table that was created is dropped only while it is empty; a dropped column cannot come back.
    """
    result = Reverted()
    try:
        for name in reversed(list(dict.fromkeys(touched))):
            now = read(connection, {*before.databases, name.partition(".")[0]})
            try:
                _one(connection, name, before, now, result)
            except EngineFailure as error:
                result.left.append(f"{name}: {error.text}")
    except ClickHouseFailure as error:
        result.left.append(f"the server does not answer: {error}")
    return result


def _one(connection: Connection, name: str, before: Catalogue, now: Catalogue, result: Reverted) -> None:
    if "." not in name:
        if name in now.databases and name not in before.databases:
            if any(item.startswith(f"{name}.") for item in now.objects):
                result.left.append(f"{name}: new database, kept because it is not empty")
            else:
                connection.execute(drop_statement("database", name))
                result.done.append(f"{name}: new database dropped")
        return
    old, new = before.objects.get(name), now.objects.get(name)
    if old is None and new is None:
        return
    if old is None and new is not None:
        if new.kind == "table" and new.rows != 0:
            result.left.append(f"{name}: new table, kept because it is not empty")
        else:
            connection.execute(drop_statement(new.kind, name))
            result.done.append(f"{name}: new {new.kind.replace('_', ' ')} dropped")
        return
    if old is not None and (new is None or old.kind != new.kind or old.kind != "table"):
        _definition_back(connection, old, new, result)
    elif old is not None and new is not None:
        _table_back(connection, old, new, result)


def _definition_back(
    connection: Connection, old: CatalogueObject, new: CatalogueObject | None, result: Reverted
) -> None:
    if new is not None and new.create_query == old.create_query:
        return
    if old.kind == "table":
        result.left.append(f"{old.name}: a dropped table cannot be put back")
        return
    if new is not None:
        connection.execute(drop_statement(new.kind, old.name))
    connection.execute(old.create_query)
    result.done.append(f"{old.name}: {old.kind.replace('_', ' ')} as before")


def _table_back(connection: Connection, old: CatalogueObject, new: CatalogueObject, result: Reverted) -> None:
    database = old.name.partition(".")[0]
    for mutation in stuck_mutations(connection, [database]):
        if mutation["object"] == old.name:
            table = old.name.partition(".")[2]
            connection.execute(
                f"KILL MUTATION WHERE database = {quote(database)} AND table = {quote(table)} "
                f"AND mutation_id = {quote(mutation['mutation'])}"
            )
    if rebuild_reasons(new, old):
        result.left.append(f"{old.name}: {'; '.join(rebuild_reasons(new, old))}")
        return
    actions = alter_actions(new, old)
    for action in actions:
        if not action.restores:
            result.left.append(f"{old.name}: {action.says} would come back empty")
    actions = [action for action in actions if action.restores]
    if actions:
        for sql in alter_statements(old.name, actions):
            connection.execute(sql, WAIT)
        result.done.append(f"{old.name}: {'; '.join(action.says for action in actions)}")
    connection.execute(f"SELECT * FROM {quote_object(old.name)} LIMIT 1")
