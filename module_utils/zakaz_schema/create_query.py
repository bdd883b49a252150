"""What the engine's own ``create_table_query`` says beyond the system tables.

The text is always the engine's normalised form, so cutting it at top-level keywords is safe.
System tables lack column TTLs on every version, projections and constraints on 24.8.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .sql_tokens import Token, closing, split_commas, tokens, top_level, unquote, without_outer_parentheses

_TABLE_CLAUSES = {
    ("ENGINE",): "engine",
    ("PARTITION", "BY"): "partition",
    ("PRIMARY", "KEY"): "primary",
    ("ORDER", "BY"): "sorting",
    ("SAMPLE", "BY"): "sampling",
    ("TTL",): "ttl",
    ("SETTINGS",): "settings",
    ("COMMENT",): "comment",
}
_COLUMN_CLAUSES: dict[tuple[str, ...], str] = {
    ("DEFAULT",): "default",
    ("MATERIALIZED",): "materialized",
    ("EPHEMERAL",): "ephemeral",
    ("ALIAS",): "alias",
    ("COMMENT",): "comment",
    ("CODEC",): "codec",
    ("STATISTICS",): "statistics",
    ("TTL",): "ttl",
    ("SETTINGS",): "settings",
}


@dataclass(frozen=True)
class Column:
    """A column as the engine prints it; ``definition`` is fit for ADD and MODIFY COLUMN."""

    name: str
    type: str
    default_kind: str = ""
    default: str = ""
    comment: str = ""
    codec: str = ""
    statistics: str = ""
    ttl: str = ""
    settings: str = ""
    definition: str = ""


@dataclass(frozen=True)
class CreateQuery:
    """The parts of one CREATE statement."""

    columns: tuple[Column, ...] = ()
    indices: dict[str, str] = field(default_factory=dict)
    projections: dict[str, str] = field(default_factory=dict)
    constraints: dict[str, str] = field(default_factory=dict)
    engine: str = ""
    engine_arguments: tuple[str, ...] = ()
    partition: str = ""
    primary: str = ""
    sorting: str = ""
    sampling: str = ""
    ttl: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    definer: str = ""
    security: str = ""
    target: str = ""
    refresh: str = ""
    inner_engine: str = ""


def parse(sql: str) -> CreateQuery:
    """Take a ``create_table_query`` apart."""
    items = tokens(sql)
    is_view = "VIEW" in [token.upper for token in items[:5]]
    body = next((i for i, token in enumerate(items) if token.text == "(" and token.kind == "operator"), -1)
    columns: list[Column] = []
    named: dict[str, dict[str, str]] = {"INDEX": {}, "PROJECTION": {}, "CONSTRAINT": {}}
    after = 0
    if body >= 0 and _is_definition_list(items, body):
        after = closing(items, body) + 1
        for part in split_commas(sql[items[body].end : items[after - 1].start]):
            _item(part, columns, named)
    rest = sql[items[after].start :] if after < len(items) else ""
    clauses = _clauses(sql, items, after, is_view)
    engine, arguments = _engine(clauses.get("engine", ""))
    head = sql[: items[body].start] if body >= 0 else sql
    return CreateQuery(
        columns=tuple(columns),
        indices=named["INDEX"],
        projections=named["PROJECTION"],
        constraints=named["CONSTRAINT"],
        engine=engine,
        engine_arguments=arguments,
        partition=without_outer_parentheses(clauses.get("partition", "")),
        primary=without_outer_parentheses(clauses.get("primary", "")),
        sorting=without_outer_parentheses(clauses.get("sorting", "")),
        sampling=without_outer_parentheses(clauses.get("sampling", "")),
        ttl=tuple(split_commas(clauses.get("ttl", ""))),
        settings=_settings(clauses.get("settings", "")),
        **(_view(head, rest) if is_view else {}),
    )


def _is_definition_list(items: list[Token], body: int) -> bool:
    """A list of columns is not preceded by AS (24.8 prints ``AS (SELECT …)``) or an engine's name."""
    return all(token.upper not in ("AS", "ENGINE") for token in items[:body])


def _item(part: str, columns: list[Column], named: dict[str, dict[str, str]]) -> None:
    items = tokens(part)
    head = items[0].upper
    if items[0].kind == "word" and head in named:
        named[head][items[1].name] = part
        return
    if items[0].kind == "word" and head == "PRIMARY":
        return
    cuts = _cuts(items, _COLUMN_CLAUSES, 1)
    first = cuts[0][1] if cuts else len(items)
    kinds = {clause: _text(part, items, start, end) for clause, start, end in _spans(cuts, len(items))}
    default_kind = next((k for k in ("default", "materialized", "ephemeral", "alias") if k in kinds), "")
    columns.append(
        Column(
            name=items[0].name,
            type=_text(part, items, 1, first),
            default_kind=default_kind.upper(),
            default=kinds.get(default_kind, ""),
            comment=unquote(kinds["comment"]) if "comment" in kinds else "",
            codec=kinds.get("codec", ""),
            statistics=kinds.get("statistics", ""),
            ttl=kinds.get("ttl", ""),
            settings=kinds.get("settings", ""),
            definition=part,
        )
    )


def _cuts(items: list[Token], clauses: dict[tuple[str, ...], str], start: int) -> list[tuple[str, int, int]]:
    """(clause, index of its keyword, index after it) in order, each clause once."""
    found: list[tuple[str, int, int]] = []
    seen: set[str] = set()
    for index, token in top_level(items):
        if index < start or token.kind != "word":
            continue
        for words, clause in clauses.items():
            if clause not in seen and tuple(t.upper for t in items[index : index + len(words)]) == words:
                found.append((clause, index, index + len(words)))
                seen.add(clause)
    return found


def _spans(cuts: list[tuple[str, int, int]], end: int) -> list[tuple[str, int, int]]:
    """(clause, first token, token after the last)."""
    starts = [cut[1] for cut in cuts[1:]] + [end] * bool(cuts)
    return [(clause, after, stop) for (clause, _, after), stop in zip(cuts, starts, strict=True)]


def _text(sql: str, items: list[Token], start: int, end: int) -> str:
    return sql[items[start].start : items[end - 1].end] if start < end <= len(items) else ""


def _clauses(sql: str, items: list[Token], after: int, is_view: bool) -> dict[str, str]:
    end = len(items)
    if is_view:
        end = next((i for i, token in top_level(items) if i >= after and token.upper == "AS"), end)
    cuts = _cuts(items[:end], _TABLE_CLAUSES, after)
    return {clause: _text(sql, items, start, stop) for clause, start, stop in _spans(cuts, end)}


def _engine(text: str) -> tuple[str, tuple[str, ...]]:
    """(engine without its Replicated prefix, its arguments without the replica's path and name)."""
    text = text.lstrip("= ").strip()
    name, bracket, rest = text.partition("(")
    arguments = split_commas(rest[:-1]) if bracket else []
    if name.startswith("Replicated"):
        name = name.removeprefix("Replicated")
        if len(arguments) >= 2 and arguments[0].startswith("'") and arguments[1].startswith("'"):
            arguments = arguments[2:]
    return name, tuple(arguments)


def _settings(text: str) -> dict[str, str]:
    found = {}
    for part in split_commas(text):
        key, _, item = part.partition("=")
        item = item.strip()
        item = unquote(item) if item.startswith("'") else item
        found[key.strip()] = {"true": "1", "false": "0"}.get(item, item)
    return found


def _view(head: str, rest: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in (head, rest):
        items = tokens(text)
        for index, token in top_level(items):
            following = items[index + 1 : index + 3]
            if token.upper == "AS":
                break
            if token.upper == "DEFINER" and len(following) == 2 and following[0].text == "=":
                found["definer"] = following[1].name
            elif token.upper == "SQL" and following[:1] and following[0].upper == "SECURITY":
                found["security"] = items[index + 2].upper
            elif token.upper == "TO" and following:
                name = [following[0].name]
                if len(following) == 2 and following[1].text == "." and index + 3 < len(items):
                    name.append(items[index + 3].name)
                found["target"] = ".".join(name)
            elif token.upper == "REFRESH":
                end = next(
                    (i for i, t in top_level(items) if i > index and t.upper in ("TO", "ENGINE", "DEFINER", "SQL")),
                    len(items),
                )
                found["refresh"] = text[token.start : items[end - 1].end]
            elif token.upper == "ENGINE":
                found["inner_engine"] = text[token.start :].split(" AS ")[0]
                break
    return found
