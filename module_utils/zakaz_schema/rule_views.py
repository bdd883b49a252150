"""Views: columns that exist, rows counted once, money exact.

The select is parsed by sqlglot and only looked at; its output is never executed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .create_query import parse
from .findings import Finding
from .rule_order import finding
from .sql_tokens import closing
from .statements import Statement

_RATIOS = re.compile(r"(^|_)(roas|romi|roi|cpc|cpt|cpm|cpa|ctr|cr|ratio|share|percent|rate)(_|$)", re.IGNORECASE)
_GUARDS = ("if", "multiif", "nullif", "case")
_DECIMALS = re.compile(r"^to_?decimal(32|64|128|256)", re.IGNORECASE)


@dataclass
class Known:
    """What is defined so far: columns by database and name, and tables whose rows are replaced."""

    columns: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)

    def define_table(self, statement: Statement) -> None:
        parts = parse(statement.sql)
        database, _, name = statement.name.partition(".")
        self.columns.setdefault(database, {})[name] = {column.name: column.type for column in parts.columns}
        if "Replacing" in parts.engine or "Collapsing" in parts.engine:
            self.replaced.add(statement.name)

    def define_view(self, statement: Statement, columns: list[str]) -> None:
        database, _, name = statement.name.partition(".")
        self.columns.setdefault(database, {})[name] = dict.fromkeys(columns, "String")

    def has(self, database: str, name: str) -> bool:
        return database in ("system", "information_schema", "INFORMATION_SCHEMA") or name in self.columns.get(
            database, {}
        )


def select_of(statement: Statement) -> tuple[str, int]:
    """(the view's SELECT without its comment, line it begins at)."""
    items = list(statement.tokens)
    start = statement.as_at() + 1
    if start >= len(items):
        return "", statement.line
    end = len(items)
    if items[start].text == "(" and closing(items, start) < end - 1:
        end = closing(items, start) + 1
    elif end - start > 2 and items[-2].upper == "COMMENT" and items[-1].kind == "string":
        end -= 2
    base = items[0].start
    return statement.sql[items[start].start - base : items[end - 1].end - base], items[start].line


def check_view(statement: Statement, known: Known) -> tuple[list[Finding], list[str]]:
    """(findings about a view, names of its columns). Raises ImportError where sqlglot is missing."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import OptimizeError, ParseError, TokenError
    from sqlglot.optimizer.qualify import qualify

    found: list[Finding] = []
    select, first_line = select_of(statement)

    def report(rule: str, message: str, node: Any = None) -> None:
        line = first_line + _line(node) - 1 if node is not None else statement.line
        found.append(Finding(statement.file, line, statement.name, rule, message))

    _head(statement, report)
    try:
        tree = sqlglot.parse_one(select, read="clickhouse")
    except (ParseError, TokenError) as error:
        report("view-syntax", f"The select cannot be parsed: {str(error).splitlines()[0]}")
        return found, []
    if not isinstance(tree, exp.Query):
        report("view-syntax", f"A view reads with SELECT; {select.split()[0]} was found.")
        return found, []
    _tables(tree, exp, known, report)
    _shape(tree, exp, report)
    _arithmetic(tree, exp, report)
    names = list(tree.named_selects)
    if not any(item.rule in ("order-unknown-object", "view-star") for item in found):
        try:
            qualified = qualify(
                tree.copy(), schema=dict[str, object](known.columns),
                dialect="clickhouse", quote_identifiers=False, identify=False, expand_stars=False,
            )  # fmt: skip
            names = list(qualified.named_selects)
        except OptimizeError as error:
            words = str(error).splitlines()[0].replace("\x1b[4m", "").replace("\x1b[0m", "")
            line = re.search(r"Line: (\d+)", words)
            named = re.search(r"Unknown column: (\w+)", words)
            node = next((c for c in tree.find_all(exp.Column) if named and c.name == named[1]), None)
            within = int(line.group(1)) if line else _line(node) if node is not None else 1
            at = first_line + within - 1
            text = re.sub(r"\s*\.?\s*Line: \d+, Col: \d+\s*", "", words)
            found.append(
                Finding(statement.file, at, statement.name, "view-column", f"{text}; name a column of what is read.")
            )
    return found, names


def _line(node: Any) -> int:
    for part in [node, *node.walk()]:
        if part.meta.get("line"):
            return int(part.meta["line"])
    return 1


def _head(statement: Statement, report: Any) -> None:
    items = statement.tokens
    after = statement.name_at[1]
    head = [token.upper for token in items[after : statement.as_at()]]
    if "(" in head and statement.kind == "view":
        report("view-column-list", "Drop the list of columns before AS; name them in the select.")
    if statement.database == "bi" and statement.kind == "view":
        text = " ".join(head)
        if "SQL SECURITY DEFINER" not in text or "DEFINER =" not in text:
            report("view-definer", "Write DEFINER = … SQL SECURITY DEFINER, so that readers need bi.* only.")


def _tables(tree: Any, exp: Any, known: Known, report: Any) -> None:
    named = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or (not table.db and table.name in named):
            continue
        name = f"{table.db}.{table.name}" if table.db else table.name
        if not table.db:
            report("order-unqualified", f"Write database.{name}: the default database is the reader's.", table)
        elif not known.has(table.db, table.name):
            report("order-unknown-object", f"{name} is not defined before this view.", table)
        elif name in known.replaced and not isinstance(table.parent, exp.Final) and not _latest_only(table, exp):
            report("view-final", f"{name} keeps old versions until a merge; read it with FINAL.", table)


def _latest_only(table: Any, exp: Any) -> bool:
    """Whether the select takes the latest row of each key itself: argMax by the version, or LIMIT 1 BY."""
    scope = table.find_ancestor(exp.Select)
    if scope is None or len(list(scope.find_all(exp.Table))) != 1:
        return False
    limit = scope.args.get("limit")
    if limit is not None and limit.args.get("expressions"):
        return True
    picks = [node for node in scope.find_all(exp.ArgMax) if "_ver" in node.sql(dialect="clickhouse")]
    sums = list(scope.find_all(exp.Sum)) + list(scope.find_all(exp.Count))
    return bool(picks) and not sums and scope.args.get("group") is not None


def _shape(tree: Any, exp: Any, report: Any) -> None:
    for star in tree.find_all(exp.Star):
        if isinstance(star.parent, (exp.Select, exp.Column)):
            report("view-star", "Name the columns: a new column must not change the view by itself.", star.parent)
            break
    outer = tree
    while isinstance(outer, (exp.SetOperation, exp.Subquery)):
        outer = outer.this
    for item in outer.expressions if isinstance(outer, exp.Select) else []:
        if not isinstance(item, (exp.Alias, exp.Column, exp.Star)):
            text = item.sql(dialect="clickhouse")[:40]
            report("view-alias", f"Give {text} a name with AS: the engine's own differs between versions.", item)
        elif isinstance(item, exp.Column) and item.table and not isinstance(item.this, exp.Star):
            report("view-alias", f"Write {item.sql(dialect='clickhouse')} AS {item.name}: a join may rename it.", item)
    for union in tree.find_all(exp.Union):
        if union.args.get("distinct"):
            report("view-union", "Write UNION ALL: UNION drops rows that are equal by chance.", union)
    for join in tree.find_all(exp.Join):
        if (join.side or "").upper() == "FULL":
            report("view-full-join", "Stack the sides with UNION ALL and GROUP BY the key instead of FULL JOIN.", join)
        elif not _joins_once(join, exp):
            text = join.alias_or_name or (join.find(exp.Table) or join).alias_or_name
            report("view-join-fan-out", f"Write ANY JOIN, or aggregate {text} by its key: rows may multiply.", join)


def _joins_once(join: Any, exp: Any) -> bool:
    kinds = f"{join.args.get('strictness') or ''} {join.kind or ''} {join.method or ''}".upper()
    if any(word in kinds for word in ("ANY", "SEMI", "ANTI", "ASOF", "CROSS", "ARRAY")):
        return True
    side = join.this
    inner = side.this if isinstance(side, exp.Subquery) else None
    return isinstance(inner, exp.Select) and bool(inner.args.get("group") or inner.args.get("distinct"))


def _arithmetic(tree: Any, exp: Any, report: Any) -> None:
    for division in tree.find_all(exp.Div, exp.IntDiv):
        around = [division, *_ancestors(division)]
        names = [_function(node, exp) for node in around]
        if any(_DECIMALS.match(name) for name in names if name):
            report(
                "view-decimal-division", "Becomes Decimal after a Float division; divide the Decimal itself.", division
            )
        if _is_constant(division.expression, exp) or isinstance(division.expression, exp.Nullif):
            continue
        divisor = division.expression.sql(dialect="clickhouse")
        if not any(name in _GUARDS for name in names) and "nullif" not in divisor.lower():
            report("view-zero-divisor", f"Write if({divisor} = 0, NULL, …) around the division.", division)
    for average in tree.find_all(exp.Avg):
        column = average.this.name if isinstance(average.this, exp.Column) else ""
        if _RATIOS.search(column):
            report("view-ratio-average", f"avg({column}) weighs days equally; divide the sums.", average)


def _ancestors(node: Any) -> Iterator[Any]:
    while node.parent is not None:
        node = node.parent
        yield node
        if node.key in ("select", "subquery"):
            return


def _function(node: Any, exp: Any) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    if isinstance(node, (exp.Cast, exp.TryCast)) and "DECIMAL" in node.to.sql().upper():
        return "todecimal64"
    if isinstance(node, (exp.If, exp.Case)):
        return "if"
    if isinstance(node, exp.Func):
        return node.sql_name().lower()
    return ""


def _is_constant(node: Any, exp: Any) -> bool:
    return not any(True for _ in node.find_all(exp.Column)) and not any(True for _ in node.find_all(exp.AggFunc))


def check_materialized_view(statement: Statement, known: Known) -> tuple[list[Finding], list[str]]:
    """(findings about a materialized view, names of its columns)."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ParseError, TokenError

    found, names = check_view(statement, known)
    found = [item for item in found if item.rule not in ("view-final", "view-alias")]
    parts = parse(statement.sql)
    if not parts.target:
        found.append(
            finding(
                statement, "materialized-target", "Write TO and a table of its own: inner tables cannot be altered."
            )
        )
        return found, names
    database, _, table = parts.target.partition(".")
    target = known.columns.get(database, {}).get(table)
    if target is None:
        found.append(finding(statement, "materialized-target", f"The target {parts.target} is not defined before."))
    else:
        found.extend(
            finding(statement, "materialized-column", f"The target {parts.target} has no column {name}.")
            for name in names
            if name not in target
        )
    select, _ = select_of(statement)
    try:
        tree = sqlglot.parse_one(select, read="clickhouse")
    except (ParseError, TokenError):
        return found, names
    if not parts.refresh:
        for item in tree.find_all(exp.Table):
            name = f"{item.db}.{item.name}"
            if name in known.replaced:
                message = (
                    f"{name} replaces rows and this view adds each version: 220 instead of 120. Recompute the days."
                )
                found.append(finding(statement, "materialized-mutable", message))
                break
    return found, names
