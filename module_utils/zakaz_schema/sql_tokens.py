"""ClickHouse SQL cut into tokens: enough to find names, clauses and statements.

Expressions are never interpreted here; only the engine normalises DDL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .failures import SchemaFailure

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<comment>--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    | (?P<number>\d\w*(?:\.\d\w*)?)
    | (?P<word>[^\W\d]\w*)
    | (?P<operator>->|::|<=|>=|!=|<>|==|\|\||.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind (word, quoted, string, number, operator, comment), text and place."""

    kind: str
    text: str
    start: int
    line: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def upper(self) -> str:
        """The text in upper case for a word, else the text: keywords compare with this."""
        return self.text.upper() if self.kind == "word" else self.text

    @property
    def name(self) -> str:
        """The identifier this token stands for, without its quotes."""
        if self.kind == "quoted":
            return self.text[1:-1].replace(self.text[0] * 2, self.text[0]).replace("\\" + self.text[0], self.text[0])
        return self.text


def tokens(sql: str, *, comments: bool = False, file: str = "", first_line: int = 1) -> list[Token]:
    """Cut SQL into tokens, whitespace left out.

    :param comments: keep comments as tokens too.
    :param file: name used in the message of a failure.
    :param first_line: number of the text's first line.
    :raises SchemaFailure: a string, quoted name or comment is not closed.
    """
    found: list[Token] = []
    line = first_line
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or "operator"
        text = match.group()
        if kind == "operator" and text in "'`\"":
            raise SchemaFailure(f"a quote {text} is opened and never closed.", file=file, line=line)
        if kind == "operator" and text == "/" and sql.startswith("/*", match.start()):
            raise SchemaFailure("a comment /* is opened and never closed.", file=file, line=line)
        if kind not in ("space", "comment") or (comments and kind == "comment"):
            found.append(Token(kind, text, match.start(), line))
        line += text.count("\n")
    return found


def top_level(items: list[Token]) -> Iterator[tuple[int, Token]]:
    """Yield (index, token) of the tokens outside any bracket; brackets themselves are left out."""
    depth = 0
    for index, token in enumerate(items):
        if token.kind == "operator" and token.text in "([{":
            depth += 1
        elif token.kind == "operator" and token.text in ")]}":
            depth -= 1
        elif depth == 0:
            yield index, token


def closing(items: list[Token], opening: int) -> int:
    """Index of the bracket that closes the one at ``opening``; the last index when none does."""
    depth = 0
    for index in range(opening, len(items)):
        if items[index].kind == "operator":
            if items[index].text in "([{":
                depth += 1
            elif items[index].text in ")]}":
                depth -= 1
                if depth == 0:
                    return index
    return len(items) - 1


def without_outer_parentheses(text: str) -> str:
    """``(a, b)`` and ``((a, b))`` → ``a, b``; ``(a) + (b)`` stays.

    Engines differ in whether they print a key's parentheses.
    """
    text = text.strip()
    while text.startswith("(") and text.endswith(")"):
        items = tokens(text)
        if closing(items, 0) != len(items) - 1:
            break
        text = text[1:-1].strip()
    return text


def split_commas(text: str) -> list[str]:
    """The parts of a comma-separated list, commas inside brackets left alone."""
    items = tokens(text)
    cuts = [token.start for _, token in top_level(items) if token.text == "," and token.kind == "operator"]
    parts = [text[a:b] for a, b in zip([0, *[cut + 1 for cut in cuts]], [*cuts, len(text)], strict=True)]
    return [part.strip() for part in parts if part.strip()]


def unquote(literal: str) -> str:
    """The value of a string literal as the engine prints it."""
    body = literal[1:-1].replace("''", "'")
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}.get(m[1], m[1]), body)
