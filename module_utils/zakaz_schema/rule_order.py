"""Order: statements that can be repeated, in an order that works on an empty server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from .findings import Finding
from .sql_tokens import Token
from .statements import CREATE_KINDS, Statement

_DESTRUCTIVE = ("DROP", "TRUNCATE", "DELETE", "DETACH", "RENAME", "EXCHANGE")
_DESTRUCTIVE_ACTIONS = (("DROP", "COLUMN"), ("DROP", "PARTITION"), ("DELETE", "WHERE"), ("CLEAR", "COLUMN"))


def finding(statement: Statement, rule: str, message: str, token: Token | None = None) -> Finding:
    """A finding about a statement, at a token's line or at its first."""
    return Finding(statement.file, token.line if token else statement.line, statement.name, rule, message)


def check_order(statements: Sequence[Statement]) -> Iterator[Finding]:
    """Findings about statements in the order they are applied."""
    defined: dict[str, Statement] = {}
    declared = {s.name for s in statements if s.kind in CREATE_KINDS}
    for statement in statements:
        words = [token.upper for token in statement.tokens]
        if statement.kind in CREATE_KINDS:
            yield from _create(statement, words, defined)
            defined.setdefault(statement.name, statement)
        elif statement.kind == "alter":
            yield from _alter(statement, words, defined, declared)
        elif statement.kind == "insert":
            yield from _insert(statement, defined)
        elif words[0] in _DESTRUCTIVE:
            yield finding(statement, "order-destructive", f"{words[0]} loses data when it is repeated; leave it out.")
        else:
            yield finding(statement, "order-unknown-statement", f"{words[0]} declares nothing; leave it out.")


def _create(statement: Statement, words: list[str], defined: dict[str, Statement]) -> Iterator[Finding]:
    if statement.kind != "database" and "." not in statement.name:
        yield finding(statement, "order-unqualified", "Write database.name: the default database is the client's.")
    if statement.name in defined:
        first = defined[statement.name]
        yield finding(
            statement, "order-defined-twice", f"Already defined in {first.file}:{first.line}; keep one definition."
        )
    head = words[: statement.name_at[0]]
    if "EXISTS" not in head and "REPLACE" not in head:
        yield finding(statement, "order-not-repeatable", "Fails when repeated; write IF NOT EXISTS or OR REPLACE.")
    if "REPLACE" in head and statement.kind == "table":
        yield finding(statement, "order-destructive", "CREATE OR REPLACE TABLE drops the rows; write IF NOT EXISTS.")
    database = statement.database
    if statement.kind != "database" and "." in statement.name and database not in defined:
        yield finding(statement, "order-unknown-object", f"The database {database} is not defined before.")


def _alter(
    statement: Statement, words: list[str], defined: dict[str, Statement], declared: set[str]
) -> Iterator[Finding]:
    if words[2:4] == ["IF", "EXISTS"]:
        yield finding(
            statement,
            "order-alter-if-exists",
            "ALTER TABLE IF EXISTS is a syntax error (62); create the table first, then ADD COLUMN IF NOT EXISTS.",
        )
    if "." not in statement.name:
        yield finding(statement, "order-unqualified", "Write database.name: the default database is the client's.")
    if statement.name not in defined:
        when = "only later" if statement.name in declared else "nowhere"
        yield finding(statement, "order-alter-before-create", f"Altered here and created {when}.")
    for pair in _DESTRUCTIVE_ACTIONS:
        if any((a, b) == pair for a, b in itertools.pairwise(words)):
            yield finding(statement, "order-destructive", f"{' '.join(pair)} loses data; leave it out.")
    yield finding(
        statement, "order-unknown-statement", "Declare the table as it must be; the module finds the ALTER by itself."
    )


def _insert(statement: Statement, defined: dict[str, Statement]) -> Iterator[Finding]:
    if "." not in statement.name:
        yield finding(statement, "order-unqualified", "Write database.name: the default database is the client's.")
    elif statement.name not in defined:
        yield finding(statement, "order-unknown-object", "Rows are inserted before the table is defined.")
    words = [token.upper for token in statement.tokens]
    reads_itself = statement.name in "".join(t.text for t in statement.tokens[statement.name_at[1] :]).replace("`", "")
    if not statement.select() or "NOT" not in words or not reads_itself:
        yield finding(
            statement,
            "order-unrepeatable-insert",
            f"Inserts again when repeated; write INSERT … SELECT … WHERE … NOT IN what {statement.name} holds.",
        )
