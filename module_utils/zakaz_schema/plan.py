"""The plan: typed operations, each with its risk, that make the live catalogue equal to the declared one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from .catalogue import Catalogue, CatalogueObject
from .client import quote, quote_object
from .failures import SchemaFailure
from .statements import Statement, drop_statement
from .table_changes import Action, alter_actions, rebuild_reasons
from .type_changes import DESTRUCTIVE, REBUILD, RISKS, SAFE, UNSAFE


@dataclass(frozen=True)
class Operation:
    """One change of one object.

    :param kind: create, alter, replace, rebuild, seed, comment.
    :param name: ``database.name``.
    :param statements: what is sent, in order; empty for a rebuild, which is a protocol.
    :param risks: the risks of its parts; ``safe`` alone needs no permission.
    :param says: the change in words, one line each.
    :param actions: the parts of an ALTER.
    :param statement: the declaration it follows from.
    """

    kind: str
    name: str
    statements: tuple[str, ...]
    risks: frozenset[str]
    says: tuple[str, ...]
    statement: Statement
    actions: tuple[Action, ...] = ()

    @property
    def risk(self) -> str:
        """The gravest of its risks."""
        return max(self.risks, key=RISKS.index, default=SAFE)

    def refused_by(self, allow: Collection[str]) -> list[str]:
        """Risks that are not allowed."""
        return sorted(self.risks - {SAFE} - set(allow), key=RISKS.index)

    def as_dict(self) -> dict[str, object]:
        return {
            "object": self.name,
            "operation": self.kind,
            "risk": self.risk,
            "changes": list(self.says),
            "statements": list(self.statements),
            "file": self.statement.file,
            "line": self.statement.line,
        }


@dataclass
class Plan:
    """Operations in the order they are applied."""

    operations: list[Operation] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.operations)


def make_plan(
    statements: Sequence[Statement], live: Catalogue, desired: Catalogue, seeds: dict[int, int] | None = None
) -> Plan:
    """Compare catalogue with catalogue.

    :param statements: the declared schema.
    :param live: what the server holds.
    :param desired: what the throw-away engine held after the declared schema.
    :param seeds: rows that each INSERT … SELECT would write, by the statement's index.
    :raises SchemaFailure: the engines' versions differ.
    """
    if live.version != desired.version:
        raise SchemaFailure(
            f"the throw-away engine is {desired.version} and the live server {live.version}.",
            mend="Set clickhouse_schema_image to the image the server runs.",
        )
    plan = Plan()
    for index, statement in enumerate(statements):
        if statement.kind == "insert":
            missing = (seeds or {}).get(index, 0)
            if missing:
                # what its table or columns will hold is not known before they are there
                known = f"{missing} row{'s' if missing != 1 else ''} missing or different"
                says = known if missing > 0 else "rows of what is new"
                plan.operations.append(
                    Operation("seed", statement.name, (statement.sql,), frozenset({SAFE}), (says,), statement)
                )
            continue
        if statement.kind == "database":
            plan.operations.extend(_database(statement, live, desired))
        else:
            plan.operations.extend(_object(statement, live, desired))
    return plan


def _database(statement: Statement, live: Catalogue, desired: Catalogue) -> list[Operation]:
    if statement.name not in live.databases:
        return [_operation("create", statement, [statement.sql], SAFE, "new database")]
    return []


def _operation(kind: str, statement: Statement, sql: list[str], risk: str, *says: str) -> Operation:
    return Operation(kind, statement.name, tuple(sql), frozenset({risk}), says, statement)


def _object(statement: Statement, live: Catalogue, desired: Catalogue) -> list[Operation]:
    wanted = desired.objects[statement.name]
    found = live.objects.get(statement.name)
    if found is None:
        return [_operation("create", statement, [statement.sql], SAFE, f"new {_words(wanted.kind)}")]
    if found.kind != wanted.kind:
        sql = [drop_statement(found.kind, found.name), statement.sql]
        return [
            _operation("replace", statement, sql, DESTRUCTIVE, f"{_words(found.kind)} becomes a {_words(wanted.kind)}")
        ]
    if wanted.kind == "table":
        return _table(statement, found, wanted)
    if wanted.kind == "view":
        return _view(statement, found, wanted, live.user)
    if wanted.kind == "materialized_view":
        return _materialized_view(statement, found, wanted)
    if found.create_query != wanted.create_query:
        broken = breaks_readers(found, wanted)
        says = ["dictionary differs", *broken]
        return [_operation("replace", statement, [statement.replacing()], UNSAFE if broken else SAFE, *says)]
    return []


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _table(statement: Statement, live: CatalogueObject, desired: CatalogueObject) -> list[Operation]:
    live, desired = _without_ambient_settings(statement, live), _without_ambient_settings(statement, desired)
    reasons = rebuild_reasons(live, desired)
    if reasons:
        return [Operation("rebuild", statement.name, (), frozenset({REBUILD}), tuple(reasons), statement)]
    actions = alter_actions(live, desired)
    if not actions:
        return []
    return [
        Operation(
            "alter",
            statement.name,
            tuple(alter_statements(statement.name, actions, statement.on_cluster())),
            frozenset(action.risk for action in actions),
            tuple(action.says for action in actions),
            statement,
            tuple(actions),
        )
    ]


def _without_ambient_settings(statement: Statement, item: CatalogueObject) -> CatalogueObject:
    """The engine prints index_granularity of its own configuration: it counts only where declared."""
    declared = {token.text for token in statement.tokens if token.kind == "word"}
    settings = {k: v for k, v in item.parts.settings.items() if k != "index_granularity" or k in declared}
    return replace(item, parts=replace(item.parts, settings=settings))


def alter_statements(name: str, actions: Sequence[Action], on_cluster: str = "") -> list[str]:
    """One ALTER for all actions: they are validated together, so none is applied when one is wrong.

    What an action needs before or after it comes as an ALTER of its own.
    """
    groups = (
        [action.first for action in actions if action.first],
        [action.sql for action in actions],
        [action.then for action in actions if action.then],
    )
    head = f"ALTER TABLE {quote_object(name)}{' ' + on_cluster if on_cluster else ''}\n    "
    return [head + ",\n    ".join(f"({sql})" for sql in group) for group in groups if group]


def breaks_readers(live: CatalogueObject, desired: CatalogueObject) -> list[str]:
    """What a query on the live object no longer finds: columns that go, change their type or move, and who may read.

    New columns behind the others break nobody.
    """
    before = {column.name: column.type for column in live.columns}
    after = {column.name: column.type for column in desired.columns}
    broken = [f"column {name} {kind} is gone" for name, kind in before.items() if name not in after]
    broken += [
        f"column {name} {kind} → {after[name]}" for name, kind in before.items() if after.get(name, kind) != kind
    ]
    stay = [name for name in before if name in after]
    places = {name: place for place, name in enumerate(after, 1)}
    for place, name in enumerate(stay, 1):
        if places[name] != place:
            broken.append(f"column {name} {after[name]} moves from place {place} to {places[name]}")
            break
    if live.parts.security == "DEFINER" != desired.parts.security:
        broken.append(
            f"SQL SECURITY DEFINER → {desired.parts.security or 'not set'}: readers need grants on its tables"
        )
    return broken


def _view_says(live: CatalogueObject, desired: CatalogueObject) -> list[str]:
    says = []
    if live.select != desired.select:
        says.append("select differs")
    says += breaks_readers(live, desired)
    known = {column.name for column in live.columns}
    if come := [f"+{column.name} {column.type}" for column in desired.columns if column.name not in known]:
        says.append(f"columns {', '.join(come)}")
    if live.comment != desired.comment:
        says.append(f"comment {desired.comment!r}")
    return says


def _view(statement: Statement, live: CatalogueObject, desired: CatalogueObject, user: str) -> list[Operation]:
    says = _view_says(live, desired)
    if live.parts.security != desired.parts.security and live.parts.security != "DEFINER":
        says.append(f"SQL SECURITY {live.parts.security or 'not set'} → {desired.parts.security or 'not set'}")
    declared = statement.definer()
    # the throw-away engine has one user; who is meant is known from the declaration.
    # 24.8 embedded answers '' to currentUser(): that user's name is default
    wanted = (user or "default") if declared.upper() == "CURRENT_USER" else declared
    if desired.parts.definer and live.parts.definer != wanted:
        says.append(f"definer {live.parts.definer or 'not set'} → {wanted}")
    risk = UNSAFE if breaks_readers(live, desired) else SAFE
    return [_operation("replace", statement, [statement.replacing()], risk, *says)] if says else []


def _materialized_view(statement: Statement, live: CatalogueObject, desired: CatalogueObject) -> list[Operation]:
    says = _view_says(live, desired)
    for label, before, after in (
        ("TO", live.parts.target, desired.parts.target),
        ("REFRESH", live.parts.refresh, desired.parts.refresh),
        ("engine", live.parts.inner_engine, desired.parts.inner_engine),
    ):
        if before != after:
            says.append(f"{label} {before or 'none'} → {after or 'none'}")
    if not says:
        return []
    if says == [f"comment {desired.comment!r}"]:
        sql = [f"ALTER TABLE {quote_object(live.name)} MODIFY COMMENT {quote(desired.comment)}"]
        return [_operation("alter", statement, sql, SAFE, *says)]
    # the rows of one with a target live there, and those inserted while it is away would be missed
    keeps = live.parts.target and live.parts.target == desired.parts.target
    says.append("rows inserted meanwhile are missed" if keeps else "its own rows are dropped")
    replacement = (drop_statement("materialized_view", live.name), statement.sql)
    risks = frozenset({DESTRUCTIVE, *([UNSAFE] if breaks_readers(live, desired) else [])})
    return [Operation("replace", statement.name, replacement, risks, tuple(says), statement)]
