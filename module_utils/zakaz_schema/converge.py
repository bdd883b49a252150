"""From a declared schema to a live one: compare, refuse or apply, prove."""

# ruff: noqa: S608 - statements are built from declared, quoted names, never from user input
from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from . import journal, plan_text
from .catalogue import Catalogue, read
from .client import ClickHouseFailure, Connection, EngineFailure, value
from .drift import Drift, find_drift, stuck_mutations
from .failures import SchemaFailure
from .journal import Entry
from .plan import Operation, Plan, make_plan
from .preflight import with_counts
from .rebuild import obstacles, rebuild
from .revert import WAIT, Reverted, put_back
from .scratch import Replay, replay
from .statements import Statement, databases
from .type_changes import REBUILD


@dataclass(frozen=True)
class Options:
    """What a run may do.

    :param allow: risks allowed beyond safe: mutation, unsafe, destructive, rebuild.
    :param unmanaged: report, fail or ignore objects that nothing declares.
    :param check: decide and report, write nothing.
    :param report: like check, and a refused change is only reported.
    :param fast: answer an unchanged schema from one query.
    """

    allow: frozenset[str] = frozenset()
    unmanaged: str = "report"
    check: bool = False
    report: bool = False
    fast: bool = True


@dataclass
class Outcome:
    """What a run found and did."""

    changed: bool = False
    fast: bool = False
    version: str = ""
    run_id: str = ""
    plan: Plan = field(default_factory=Plan)
    refused: list[str] = field(default_factory=list)
    diff: dict[str, str] = field(default_factory=dict)
    drift: dict[str, Any] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            "changed": self.changed,
            "fast_path": self.fast,
            "engine_version": self.version,
            "run_id": self.run_id,
            "plan": [operation.as_dict() for operation in self.plan.operations],
            "summary": plan_text.summary(self.plan.operations),
            "refused": self.refused,
            "drift": self.drift,
            "kept": self.kept,
        }


class ApplyFailure(SchemaFailure):
    """A statement failed in the middle of a run; what was put back is told.

    :param outcome: the run so far.
    :param reverted: what was put back and what could not be.
    """

    def __init__(self, failure: SchemaFailure, outcome: Outcome, reverted: Reverted) -> None:
        told = f" Put back: {'; '.join(reverted.done)}." if reverted.done else ""
        left = f" Left: {'; '.join(reverted.left)}." if reverted.left else ""
        super().__init__(
            failure.message + told + left, file=failure.file, line=failure.line, name=failure.name, mend=failure.mend
        )
        self.outcome = outcome
        self.reverted = reverted


def converge(statements: Sequence[Statement], connection: Connection, run_scratch: Replay, options: Options) -> Outcome:
    """Make the live catalogue equal to the declared one, or say why not.

    :raises SchemaFailure: before anything is written: the schema is wrong, a change is not allowed,
        a mutation is unfinished. After: :class:`ApplyFailure`.
    :raises Unreachable: the server does not answer.
    """
    outcome = Outcome()
    if options.fast and not options.report and (known := journal.unchanged(connection, statements)) is not None:
        outcome.fast, outcome.version = True, known["version"]
        outcome.drift = known["details"].get("drift", {})
        _unmanaged(outcome.drift.get("extra", []), options)
        return outcome

    desired = replay(statements, run_scratch)
    owned = databases(list(statements))
    live = read(connection, owned)
    outcome.version = live.version
    plan = make_plan(statements, live, desired, _seed_counts(connection, statements, live))
    plan = with_counts(connection, plan, live)
    drift = find_drift(connection, statements, live, plan)
    outcome.plan, outcome.drift = plan, drift.as_dict()
    outcome.diff = plan_text.diff(plan, live, desired)
    outcome.refused = plan_text.refusals(plan, options.allow)
    outcome.refused += _rebuild_obstacles(connection, plan, live, desired, options)
    outcome.changed = bool(plan)
    if options.report:
        return outcome
    _refuse(outcome, drift, options)
    if options.check:
        return outcome
    if plan:
        outcome.run_id = str(uuid.uuid4())
        _apply(connection, statements, plan, live, desired, outcome)
        _prove(connection, statements, desired, outcome)
    _record(connection, statements, outcome, live)
    return outcome


def _seed_counts(connection: Connection, statements: Sequence[Statement], live: Catalogue) -> dict[int, int]:
    """Rows each INSERT … SELECT would write; -1 where its table is still to be made."""
    counts = {}
    for index, statement in enumerate(statements):
        if statement.kind != "insert":
            continue
        if statement.name not in live.objects:
            counts[index] = -1
            continue
        try:
            counts[index] = int(value(connection, f"SELECT count() AS c FROM ({statement.select()})"))
        except EngineFailure:
            # a table or column it reads is part of the same change
            counts[index] = -1
    return counts


def _rebuild_obstacles(
    connection: Connection, plan: Plan, live: Catalogue, desired: Catalogue, options: Options
) -> list[str]:
    found = []
    for operation in plan.operations:
        if operation.kind == REBUILD and REBUILD in options.allow:
            place = f"{operation.statement.file}:{operation.statement.line}: {operation.name}"
            reasons = obstacles(connection, operation, live, desired)
            found += [f"{place}: cannot be rebuilt: {reason}." for reason in reasons]
    return found


def _refuse(outcome: Outcome, drift: Drift, options: Options) -> None:
    if drift.stuck_mutations:
        stuck = "; ".join(
            f"{m['object']}: {m['command']} ({m['reason'] or 'still running'})" for m in drift.stuck_mutations
        )
        raise SchemaFailure(
            f"unfinished mutations stand in the way: {stuck}.",
            mend="Wait for them, or KILL MUTATION and give the column its former type back.",
        )
    if outcome.refused:
        raise SchemaFailure(" ".join(outcome.refused), mend="Nothing was written.")
    _unmanaged(drift.extra, options)


def _unmanaged(extra: Sequence[str], options: Options) -> None:
    if extra and options.unmanaged == "fail":
        raise SchemaFailure(
            f"objects that no template declares: {', '.join(extra)}.",
            mend="Declare or drop them, or set clickhouse_schema_unmanaged: report.",
        )


def _apply(
    connection: Connection,
    statements: Sequence[Statement],
    plan: Plan,
    live: Catalogue,
    desired: Catalogue,
    outcome: Outcome,
) -> None:
    entries: list[Entry] = []
    touched: list[str] = []
    operation = plan.operations[0]

    def run(current: Operation, sql: str) -> None:
        started = time.monotonic()
        entry = Entry(current.name, current.kind, current.risk, "applied", sql, details={"changes": list(current.says)})
        entries.append(entry)
        try:
            connection.execute(sql, WAIT if sql.startswith("ALTER") else None)
        except ClickHouseFailure as error:
            entry.status, entry.error = "failed", str(error)
            raise
        finally:
            entry.duration_ms = int((time.monotonic() - started) * 1000)

    try:
        for operation in plan.operations:
            touched.append(operation.name)
            if operation.kind == REBUILD:
                outcome.kept.append(rebuild(connection, operation, live, desired, partial(run, operation)))
            for sql in operation.statements:
                run(operation, sql)
    except (ClickHouseFailure, SchemaFailure) as error:
        reverted = put_back(connection, touched, live)
        entries += [Entry("", "revert", "", "reverted", details={"done": reverted.done, "left": reverted.left})]
        _write(connection, statements, outcome, entries)
        failure = (
            error
            if isinstance(error, SchemaFailure)
            else SchemaFailure(
                f"the server refuses the change: {error}",
                file=operation.statement.file,
                line=operation.statement.line,
                name=operation.name,
            )
        )
        raise ApplyFailure(failure, outcome, reverted) from error
    _write(connection, statements, outcome, entries)


def _prove(connection: Connection, statements: Sequence[Statement], desired: Catalogue, outcome: Outcome) -> None:
    """The second plan must be empty and every view readable."""
    live = read(connection, databases(list(statements)))
    again = make_plan(statements, live, desired, _seed_counts(connection, statements, live))
    drift = find_drift(connection, statements, live, again)
    if again:
        raise SchemaFailure(
            f"applied, and yet a second plan is not empty: {'; '.join(plan_text.summary(again.operations))}.",
            mend="Somebody changes the schema at the same time, or the planner has a gap: see meta.schema_journal.",
        )
    declared = {statement.name for statement in statements}
    broken = [b for b in drift.broken_views if b["view"] in declared]
    if broken:
        raise SchemaFailure(
            "applied, and yet views cannot be read: " + "; ".join(f"{b['view']}: {b['error']}" for b in broken) + "."
        )
    if stuck := stuck_mutations(connection, live.databases):
        raise SchemaFailure(f"applied, and yet mutations are unfinished: {stuck}.")
    outcome.drift = {**drift.as_dict(), "missing": outcome.drift["missing"], "changed": outcome.drift["changed"]}


def _has_journal(statements: Sequence[Statement]) -> bool:
    return any(statement.name == journal.JOURNAL for statement in statements)


def _write(connection: Connection, statements: Sequence[Statement], outcome: Outcome, entries: Sequence[Entry]) -> None:
    if not _has_journal(statements):
        return
    try:
        desired = journal.declared_fingerprint(statements)
        live = journal.live_fingerprint(connection, databases(list(statements)))
        journal.write(connection, outcome.run_id, outcome.version, desired, live, entries)
    except ClickHouseFailure:
        # the journal is a record, not a condition: after a failed first run it may not exist
        return


def _record(connection: Connection, statements: Sequence[Statement], outcome: Outcome, live: Catalogue) -> None:
    """Remember the fingerprints, so that the next unchanged run answers from one query."""
    drift = {key: outcome.drift.get(key, []) for key in ("extra", "kept", "broken_views")}
    outcome.run_id = outcome.run_id or str(uuid.uuid4())
    _write(connection, statements, outcome, [Entry("", "converge", "", "converged", details={"drift": drift})])
