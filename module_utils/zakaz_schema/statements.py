"""The declared schema: files of DDL cut into statements that know where they came from."""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path

from .client import quote_name, quote_object
from .failures import SchemaFailure
from .sql_tokens import Token, tokens

CREATE_KINDS = ("database", "table", "view", "materialized_view", "dictionary")


@dataclass(frozen=True)
class Statement:
    """One statement of a file.

    :param file: name of the file, without its directory.
    :param line: line of the first token, from 1.
    :param sql: the text without the closing semicolon.
    :param kind: one of :data:`CREATE_KINDS`, ``insert``, ``alter`` or ``other``.
    :param name: ``database.name``, or the database alone; '' for ``other``.
    """

    file: str
    line: int
    sql: str
    kind: str
    name: str
    tokens: tuple[Token, ...] = field(repr=False)
    # index of the token after the object's name, and of the name's first token
    name_at: tuple[int, int] = (0, 0)

    @property
    def database(self) -> str:
        return self.name.partition(".")[0]

    def _positions(self) -> tuple[int, int]:
        base = self.tokens[0].start
        first, after = self.name_at
        return self.tokens[first].start - base, self.tokens[after - 1].end - base

    def renamed(self, name: str) -> str:
        """The same statement for another object name."""
        start, end = self._positions()
        return self.sql[:start] + quote_object(name) + self.sql[end:]

    def on_cluster(self) -> str:
        """The statement's ``ON CLUSTER name`` clause, or ''."""
        after = self.name_at[1]
        words = self.tokens[after : after + 3]
        if len(words) == 3 and [w.upper for w in words[:2]] == ["ON", "CLUSTER"]:
            return f"ON CLUSTER {words[2].text}"
        return ""

    def definer(self) -> str:
        """The declared definer: a user, ``CURRENT_USER``, or '' when none is declared."""
        for index, token in enumerate(self.tokens[:-2]):
            if token.upper == "DEFINER" and self.tokens[index + 1].text == "=":
                return self.tokens[index + 2].name
            if token.upper == "AS":
                break
        return ""

    def for_scratch(self) -> str:
        """The statement as a lone engine can run it.

        A throw-away engine has neither the cluster nor the deployment's users: ON CLUSTER is
        left out, Replicated engines lose their prefix, the definer becomes the current user.
        """
        base = self.tokens[0].start
        cuts: list[tuple[int, int, str]] = []
        items = self.tokens
        for index, token in enumerate(items):
            following = [t.upper for t in items[index + 1 : index + 3]]
            if token.upper == "ON" and following[:1] == ["CLUSTER"] and index == self.name_at[1]:
                cuts.append((token.start, items[index + 2].end, ""))
            elif token.upper == "DEFINER" and following[:1] == ["="] and index < self.as_at():
                cuts.append((items[index + 2].start, items[index + 2].end, "CURRENT_USER"))
            elif token.upper == "ENGINE" and following[:1] == ["="] and index + 2 < len(items):
                engine = items[index + 2]
                if engine.text.startswith("Replicated"):
                    cuts.append((engine.start, engine.start + len("Replicated"), ""))
        sql = self.sql
        for start, end, text in sorted(cuts, reverse=True):
            sql = sql[: start - base] + text + sql[end - base :]
        return sql

    def as_at(self) -> int:
        """Index of the AS that begins a view's select; the number of tokens when there is none."""
        depth = 0
        for index, token in enumerate(self.tokens):
            if token.text == "(" and token.kind == "operator":
                depth += 1
            elif token.text == ")" and token.kind == "operator":
                depth -= 1
            elif depth == 0 and token.upper == "AS":
                return index
        return len(self.tokens)

    def select(self) -> str:
        """The SELECT of an ``INSERT INTO … SELECT``, '' when rows are given otherwise."""
        base = self.tokens[0].start
        for token in self.tokens[self.name_at[1] :]:
            if token.upper in ("SELECT", "WITH"):
                return self.sql[token.start - base :]
        return ""

    def replacing(self) -> str:
        """The statement as ``CREATE OR REPLACE``, for views and dictionaries that differ."""
        start, _ = self._positions()
        words = {"view": "VIEW", "dictionary": "DICTIONARY"}[self.kind]
        return f"CREATE OR REPLACE {words} {self.sql[start:]}"


def read_statements(paths: list[Path]) -> list[Statement]:
    """Read files of DDL in the given order.

    :param paths: files; each is UTF-8 and holds one or more statements ended by ``;``.
    :raises SchemaFailure: a file cannot be read, holds an unrendered template or an unclosed quote.
    """
    found: list[Statement] = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise SchemaFailure(f"is not UTF-8: byte {error.start}.", file=path.name) from error
        except OSError as error:
            raise SchemaFailure(f"cannot be read: {error.strerror}.", file=path.name) from error
        found.extend(split_statements(text, path.name))
    return found


def split_statements(text: str, file: str) -> list[Statement]:
    """Cut the text of one file into statements.

    :param text: the whole text.
    :param file: name for messages.
    :raises SchemaFailure: an unrendered template or an unclosed quote.
    """
    found: list[Statement] = []
    current: list[Token] = []
    everything = tokens(text, file=file)
    for left, right in itertools.pairwise(everything):
        if left.text == "{" and right.text in ("{", "%") and left.end == right.start:
            raise SchemaFailure(
                "holds an unrendered template expression.",
                file=file,
                line=left.line,
                mend="Render the template first; a variable of it may be misspelt.",
            )
    for token in everything:
        if token.text == ";" and token.kind == "operator":
            if current:
                found.append(_statement(text, file, current))
            current = []
        else:
            current.append(token)
    if current:
        found.append(_statement(text, file, current))
    return found


def _statement(text: str, file: str, items: list[Token]) -> Statement:
    kind, at = _kind(items)
    name, after = _name(items, at) if kind != "other" else ("", at)
    sql = text[items[0].start : items[-1].end]
    return Statement(file, items[0].line, sql, kind, name, tuple(items), (at, max(after, at + 1)))


def _kind(items: list[Token]) -> tuple[str, int]:
    """(kind, index of the object's name)."""
    words = [token.upper for token in items[:8]]
    at = 1
    if words[:1] == ["CREATE"]:
        if words[1:3] == ["OR", "REPLACE"]:
            at = 3
        kind = {"DATABASE": "database", "TABLE": "table", "VIEW": "view", "DICTIONARY": "dictionary"}.get(
            words[at] if at < len(words) else "", ""
        )
        if words[at : at + 2] == ["MATERIALIZED", "VIEW"]:
            kind, at = "materialized_view", at + 1
        at += 1
        if words[at : at + 3] == ["IF", "NOT", "EXISTS"]:
            at += 3
        if kind and at < len(items):
            return kind, at
    elif words[:2] == ["INSERT", "INTO"]:
        return "insert", 3 if words[2:3] == ["TABLE"] else 2
    elif words[:2] == ["ALTER", "TABLE"] and len(items) > 2:
        return "alter", 4 if words[2:4] == ["IF", "EXISTS"] else 2
    return "other", 0


def _name(items: list[Token], at: int) -> tuple[str, int]:
    """(``database.name`` or ``name``, index after it)."""
    if at >= len(items):
        return "", at
    parts = [items[at].name]
    after = at + 1
    while after + 1 < len(items) and items[after].text == "." and items[after].kind == "operator":
        parts.append(items[after + 1].name)
        after += 2
    return ".".join(parts), after


def fingerprint(statements: list[Statement]) -> str:
    """A digest of the declared schema; spacing and comments do not count."""
    digest = hashlib.sha256()
    for statement in statements:
        digest.update("\x1f".join(token.text for token in statement.tokens).encode())
        digest.update(b"\x1e")
    return digest.hexdigest()


def databases(statements: list[Statement]) -> list[str]:
    """The databases the schema owns, in order of declaration."""
    return list(dict.fromkeys(s.database for s in statements if s.kind in CREATE_KINDS))


_DDL_NAME = re.compile(r"\.sql$")


def files_of(directory: Path) -> list[Path]:
    """The ``*.sql`` files of a directory in the order of their names.

    :raises SchemaFailure: the directory is missing or holds none.
    """
    if not directory.is_dir():
        raise SchemaFailure(f"the directory {directory} does not exist.", mend="Render the templates first.")
    found = sorted(path for path in directory.iterdir() if _DDL_NAME.search(path.name))
    if not found:
        raise SchemaFailure(f"the directory {directory} holds no *.sql file.", mend="Render the templates first.")
    return found


def drop_statement(kind: str, name: str) -> str:
    """The statement that drops an object of the given kind."""
    if kind == "database":
        return f"DROP DATABASE {quote_name(name)}"
    words = {"dictionary": "DICTIONARY", "table": "TABLE"}.get(kind, "VIEW")
    return f"DROP {words} {quote_object(name)}"
