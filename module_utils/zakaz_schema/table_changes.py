"""What turns one table into another: ALTER actions with a risk each, or the reasons for a rebuild."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .catalogue import CatalogueObject
from .client import quote, quote_name
from .create_query import Column
from .sql_tokens import split_commas, tokens, without_outer_parentheses
from .type_changes import DESTRUCTIVE, MUTATION, SAFE, lossy_rows, metadata_only, risk_of, unwrapped

# settings that the engine refuses to change on a living table
_FIXED_SETTINGS = re.compile(
    r"^(index_granularity|index_granularity_bytes|enable_mixed_granularity_parts|table_disk|"
    r"allow_nullable_key)$"
)


@dataclass(frozen=True)
class Action:
    """One action of an ALTER.

    :param sql: the action without ``ALTER TABLE name``.
    :param risk: one of :data:`type_changes.RISKS`.
    :param says: the change in words.
    :param lossy: condition of the rows that would lose something, '' when none can.
    :param restores: this action can bring back what a failed run took away (an added column cannot).
    :param first: an ALTER of its own that must be done before, without ``ALTER TABLE name``.
    :param then: one that must be done after.
    """

    sql: str
    risk: str
    says: str
    lossy: str = ""
    restores: bool = True
    first: str = ""
    then: str = ""


def same(left: str, right: str) -> bool:
    """Equality of two expressions the engine printed, outer parentheses left out."""
    return without_outer_parentheses(left) == without_outer_parentheses(right)


def rebuild_reasons(live: CatalogueObject, desired: CatalogueObject) -> list[str]:
    """Why no ALTER can do it; empty when one can."""
    a, b = live.parts, desired.parts
    reasons = []
    if (a.engine, a.engine_arguments) != (b.engine, b.engine_arguments):
        reasons.append(f"engine {_engine(live)} → {_engine(desired)}")
    if not same(a.partition, b.partition):
        reasons.append(f"PARTITION BY {a.partition or 'nothing'} → {b.partition or 'nothing'}")
    if not same(a.sorting, b.sorting) and not _sorting_grows(live, desired):
        reasons.append(f"ORDER BY {a.sorting} → {b.sorting}")
    if b.primary and not same(a.primary or a.sorting, b.primary):
        reasons.append(f"PRIMARY KEY {a.primary or a.sorting} → {b.primary}")
    if not same(a.sampling, b.sampling):
        reasons.append(f"SAMPLE BY {a.sampling or 'nothing'} → {b.sampling or 'nothing'}")
    keys = _key_columns(live)
    new = {column.name: column for column in desired.columns}
    for column in live.columns:
        target = new.get(column.name)
        if column.name not in keys:
            continue
        if target is None:
            reasons.append(f"key column {column.name} dropped")
        elif target.type != column.type and not metadata_only(column.type, target.type):
            reasons.append(f"key or version column {column.name} {column.type} → {target.type}")
    for key in sorted(a.settings.keys() | b.settings.keys()):
        if _FIXED_SETTINGS.match(key) and a.settings.get(key) != b.settings.get(key):
            reasons.append(f"setting {key} {a.settings.get(key, 'default')} → {b.settings.get(key, 'default')}")
    return reasons


def _engine(item: CatalogueObject) -> str:
    arguments = ", ".join(item.parts.engine_arguments)
    return f"{item.parts.engine}({arguments})" if arguments else item.parts.engine


def _key_columns(item: CatalogueObject) -> set[str]:
    parts = item.parts
    text = " ".join([parts.partition, parts.sorting, parts.primary, parts.sampling, *parts.engine_arguments])
    return {token.name for token in tokens(text) if token.kind in ("word", "quoted")}


def _sorting_grows(live: CatalogueObject, desired: CatalogueObject) -> bool:
    """MODIFY ORDER BY may append columns that the same ALTER adds, and nothing else."""
    old, new = split_commas(live.sorting), split_commas(desired.sorting)
    known = {column.name for column in live.columns}
    added = {column.name: column for column in desired.columns if column.name not in known}
    extra = [name.strip("`") for name in new[len(old) :]]
    if new[: len(old)] != old or not extra:
        return False
    if desired.primary and not same(desired.primary, live.primary or live.sorting):
        return False
    return all(name in added and not added[name].default_kind for name in extra)


def alter_actions(live: CatalogueObject, desired: CatalogueObject) -> list[Action]:
    """The actions, in an order the engine accepts in one parenthesised ALTER."""
    actions: list[Action] = []
    old = {column.name: column for column in live.columns}
    new = {column.name: column for column in desired.columns}
    a, b = live.parts, desired.parts

    # what depends on columns goes first and comes back last
    for word, before, after in (
        ("INDEX", a.indices, b.indices),
        ("PROJECTION", a.projections, b.projections),
        ("CONSTRAINT", a.constraints, b.constraints),
    ):
        for name, text in before.items():
            if after.get(name) != text:
                actions.append(Action(f"DROP {word} {quote_name(name)}", SAFE, f"drop {word.lower()} {name}"))
    for name in old:
        if name not in new:
            column = old[name]
            lossy = (
                f"{quote_name(name)} != defaultValueOfTypeName({quote(column.type)})"
                if not column.type.startswith(("Nullable(", "LowCardinality(Nullable("))
                else f"isNotNull({quote_name(name)})"
            )
            if column.default_kind in ("ALIAS", "EPHEMERAL"):
                actions.append(Action(f"DROP COLUMN {quote_name(name)}", SAFE, f"drop computed column {name}"))
            else:
                says = f"drop column {name} ({column.type})"
                actions.append(Action(f"DROP COLUMN {quote_name(name)}", DESTRUCTIVE, says, lossy))
    actions.extend(_column_actions(list(live.columns), list(desired.columns)))
    if not same(a.sorting, b.sorting):
        actions.append(Action(f"MODIFY ORDER BY ({b.sorting})", SAFE, f"sorting key grows to {b.sorting}"))
    for before, after in ((a.indices, b.indices), (a.projections, b.projections), (a.constraints, b.constraints)):
        for name, text in after.items():
            if before.get(name) != text:
                actions.append(Action(f"ADD {text}", SAFE, f"add {text}"))
    actions.extend(_ttl_action(a.ttl, b.ttl))
    actions.extend(_setting_actions(a.settings, b.settings))
    if live.comment != desired.comment:
        actions.append(Action(f"MODIFY COMMENT {quote(desired.comment)}", SAFE, f"comment {desired.comment!r}"))
    return actions


def _column_actions(live: list[Column], desired: list[Column]) -> list[Action]:
    actions: list[Action] = []
    old = {column.name: column for column in live}
    kept = [column.name for column in live if column.name in {c.name for c in desired}]
    stable = _longest_in_order(kept, [column.name for column in desired])
    order = list(kept)
    previous = ""
    for column in desired:
        where = f" AFTER {quote_name(previous)}" if previous else " FIRST"
        if column.name not in old:
            says = f"add column {column.name} {column.type}"
            actions.append(Action(f"ADD COLUMN {column.definition}{where}", SAFE, says, restores=False))
            order.insert(order.index(previous) + 1 if previous else 0, column.name)
        else:
            moved = column.name not in stable and order.index(column.name) != (
                order.index(previous) + 1 if previous else 0
            )
            if moved:
                order.remove(column.name)
                order.insert(order.index(previous) + 1 if previous else 0, column.name)
            actions.extend(_changed_column(old[column.name], column, where if moved else ""))
        previous = column.name
    return actions


def _longest_in_order(have: list[str], wanted: list[str]) -> set[str]:
    """Columns that may stay where they are: the longest increasing run of wanted positions."""
    position = {name: index for index, name in enumerate(wanted)}
    best: list[list[str]] = []
    for name in have:
        fitting = [run for run in best if position[run[-1]] < position[name]]
        best.append([*_longest(fitting), name])
    return set(_longest(best))


def _longest(runs: list[list[str]]) -> list[str]:
    return max(runs, key=len) if runs else []


def _changed_column(old: Column, new: Column, where: str) -> list[Action]:
    removed = [
        word
        for word, before, after in (
            (old.default_kind, old.default_kind, new.default_kind),
            ("COMMENT", old.comment, new.comment),
            ("CODEC", old.codec, new.codec),
            ("TTL", old.ttl, new.ttl),
            ("SETTINGS", old.settings, new.settings),
        )
        if before and not after
    ]
    name = quote_name(new.name)
    actions = [Action(f"MODIFY COLUMN {name} REMOVE {word}", SAFE, f"{new.name}: no {word}") for word in removed]
    words = []
    risk = SAFE
    lossy = first = then = ""
    definition = new.definition
    if old.type != new.type:
        risk = risk_of(old.type, new.type)
        lossy = lossy_rows(name, old.type, new.type) if risk != MUTATION else ""
        words.append(f"type {old.type} → {new.type}")
    if new.default_kind and (old.default_kind != new.default_kind or not same(old.default, new.default)):
        words.append(f"{new.default_kind} {new.default}")
    for label, before, after in (("comment", old.comment, new.comment), ("codec", old.codec, new.codec)):
        if after and before != after:
            words.append(f"{label} {after}")
    if new.ttl and not same(old.ttl, new.ttl):
        words.append(f"TTL {new.ttl}")
        risk = DESTRUCTIVE
    if new.settings and old.settings != new.settings:
        words.append(f"settings {new.settings}")
    if where:
        words.append(f"moved{where.lower().replace('`', '')}")
    if words:
        if unwrapped(old.type)[1] and not unwrapped(new.type)[1] and new.default_kind != "MATERIALIZED":
            # 26.x wants a DEFAULT for the NULLs to become; 24.8 cannot convert a NULL even then
            value = new.default if new.default_kind == "DEFAULT" else f"defaultValueOfTypeName({quote(new.type)})"
            first = f"UPDATE {name} = {value} WHERE isNull({name})"
            if not new.default_kind:
                plain = f"{name} {new.type}"
                definition = f"{plain} DEFAULT {value}{new.definition[len(plain) :]}"
                then = f"MODIFY COLUMN {name} REMOVE DEFAULT"
        sql = f"MODIFY COLUMN {definition}{where}"
        actions.append(Action(sql, risk, f"column {new.name}: {', '.join(words)}", lossy, first=first, then=then))
    return actions


def _ttl_action(old: tuple[str, ...], new: tuple[str, ...]) -> list[Action]:
    if [without_outer_parentheses(item) for item in old] == [without_outer_parentheses(item) for item in new]:
        return []
    if not new:
        return [Action("REMOVE TTL", SAFE, "no TTL: rows are kept")]
    text = ", ".join(new)
    # expired rows go at once while materialize_ttl_after_modify is on
    plain = [item for item in new if not re.search(r"\b(WHERE|GROUP|TO|RECOMPRESS)\b", item)]
    lossy = " OR ".join(f"({item.removesuffix(' DELETE')}) <= now()" for item in plain)
    return [Action(f"MODIFY TTL {text}", DESTRUCTIVE, f"TTL {', '.join(old) or 'none'} → {text}", lossy)]


def _setting_actions(old: dict[str, str], new: dict[str, str]) -> list[Action]:
    changed = {key: item for key, item in new.items() if old.get(key) != item and not _FIXED_SETTINGS.match(key)}
    reset = [key for key in old if key not in new and not _FIXED_SETTINGS.match(key)]
    actions = []
    if changed:
        text = ", ".join(f"{key} = {_literal(item)}" for key, item in changed.items())
        actions.append(Action(f"MODIFY SETTING {text}", SAFE, f"setting {text}"))
    if reset:
        actions.append(Action(f"RESET SETTING {', '.join(reset)}", SAFE, f"setting {', '.join(reset)} back to default"))
    return actions


def _literal(item: str) -> str:
    return item if re.fullmatch(r"-?\d+(\.\d+)?", item) else quote(item)
