"""How the live catalogue stands apart from the declared one, beyond what a plan would change."""

# ruff: noqa: S608 - statements are built from declared, quoted names, never from user input
from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from .catalogue import KEPT_PATTERN, Catalogue
from .client import Connection, EngineFailure, quote, rows
from .plan import Plan
from .statements import Statement


@dataclass
class Drift:
    """What a person should know.

    :param missing: declared objects that do not exist.
    :param changed: declared objects that differ.
    :param extra: objects in the schema's databases that nothing declares.
    :param kept: tables put aside by a rebuild, or copies left by an interrupted one.
    :param broken_views: views that cannot be read, with the engine's words.
    :param stuck_mutations: unfinished mutations, with the last failure.
    """

    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    broken_views: list[dict[str, str]] = field(default_factory=list)
    stuck_mutations: list[dict[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def find_drift(connection: Connection, statements: Sequence[Statement], live: Catalogue, plan: Plan) -> Drift:
    """Collect the drift of a live catalogue."""
    declared = {statement.name for statement in statements if statement.kind != "insert"}
    drift = Drift()
    for operation in plan.operations:
        if operation.kind == "create":
            drift.missing.append(operation.name)
        elif operation.kind != "seed":
            drift.changed.append(operation.name)
    for name in sorted(live.objects):
        if name not in declared:
            (drift.kept if re.search(KEPT_PATTERN, name) else drift.extra).append(name)
    drift.broken_views = broken_views(connection, live)
    drift.stuck_mutations = stuck_mutations(connection, live.databases)
    return drift


def broken_views(connection: Connection, live: Catalogue) -> list[dict[str, str]]:
    """Views whose select no longer runs, or gives other columns than the view froze.

    ``DESCRIBE view`` hides both, so the select itself is described.
    """
    found = []
    for item in live.objects.values():
        if item.kind != "view":
            continue
        try:
            now = rows(connection, f"DESCRIBE TABLE ({item.select})")
        except EngineFailure as error:
            found.append({"view": item.name, "error": error.text})
            continue
        frozen = [(column.name, column.type) for column in item.columns]
        fresh = [(row["name"], row["type"]) for row in now]
        if frozen != fresh:
            others = [f"{name} {kind}" for name, kind in fresh if (name, kind) not in frozen]
            found.append({"view": item.name, "error": f"its select now gives {', '.join(others) or 'fewer columns'}"})
    return found


def stuck_mutations(connection: Connection, databases: Collection[str]) -> list[dict[str, str]]:
    """Mutations not done, in the given databases."""
    inside = ", ".join(quote(name) for name in databases) or "''"
    sql = f"""SELECT concat(database, '.', table) AS c_object, mutation_id AS c_mutation,
    command AS c_command, latest_fail_reason AS c_reason
    FROM system.mutations WHERE NOT is_done AND database IN ({inside})"""
    return [
        {"object": r["c_object"], "mutation": r["c_mutation"], "command": r["c_command"], "reason": r["c_reason"]}
        for r in rows(connection, sql)
    ]
