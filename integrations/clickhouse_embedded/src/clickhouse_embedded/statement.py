"""What a statement is, decided by the engine's own parser, and the text that is really executed.

Nothing a client sends is executed before the engine has parsed it as exactly one statement and printed it
back (``formatQuerySingleLine``). Rights rest on this: a connection's role could be changed by ``SET ROLE``,
and files are reached by INTO OUTFILE and FROM INFILE, which belong to the service here: results leave the
engine, and data of an INSERT enters it, through a pipe that the service names in these clauses.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock

from .engine import Connection, escape_parameter
from .errors import ServerError

PIPE = b"/proc/self/fd/@embedded@"
_LITERAL = re.compile(rb"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\"", re.DOTALL)
_TOKEN = re.compile(
    rb"(?P<skip>\s+|--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)"
    rb"|(?P<quoted>'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
    rb"|(?P<word>[A-Za-z_][\w$]*)|(?P<other>[0-9][\w.]*|.)",
    re.DOTALL,
)
# chDB's own doors into the process: Python objects and raw pointers.
_FORBIDDEN_CALL = re.compile(rb"\b(python|arrowstream)\s*\(", re.IGNORECASE)
_WITH_OUTPUT = {b"SELECT", b"WITH", b"FROM", b"SHOW", b"DESCRIBE", b"DESC", b"EXPLAIN", b"EXISTS", b"CHECK"}
_WITH_OUTPUT |= {b"KILL", b"BACKUP", b"RESTORE", b"WATCH"}
_SCOPE_NOTE = re.compile(r"(?::|\.)? In scope SELECT formatQuerySingleLine\(.*", re.DOTALL)
_VIEW = re.compile(
    rb"(CREATE|ATTACH|REPLACE)( OR REPLACE)? (DEFINER|(MATERIALIZED |LIVE |WINDOW )?VIEW\b)|ALTER TABLE .* MODIFY (SQL SECURITY|DEFINER|QUERY)",
    re.DOTALL,
)
CACHED_STATEMENTS, CACHED_BYTES = 512, 16_384


@dataclass(frozen=True)
class Statement:
    """A statement that may be executed.

    Attributes:
        sql: what to execute; PIPE stands in it where the pipe's path belongs.
        kind: first word of the canonical text, upper case.
        canonical: the engine's own print of the client's text.
        output_format: the format of the result, or None when there is no result.
        streams: the result comes through the pipe instead of the result's body.
        reads_data: data of the INSERT is read from the pipe.
    """

    sql: bytes
    kind: bytes
    canonical: bytes
    output_format: str | None = None
    streams: bool = False
    reads_data: bool = False

    @property
    def changes_connection(self) -> bool:
        """The statement leaves something behind on its connection."""
        return self.kind in (b"SET", b"USE", b"BEGIN", b"COMMIT", b"ROLLBACK") or b"TEMPORARY" in self.canonical[:64]

    @property
    def creates_view(self) -> bool:
        """The statement defines a view or its definer."""
        return bool(_VIEW.match(self.canonical))


def tokens(text: bytes) -> list[tuple[int, int, bytes]]:
    """Significant tokens as (start, end, upper-case word or b'' for anything else)."""
    return [
        (m.start(), m.end(), m[0].upper() if m.lastgroup == "word" else (b"" if m["quoted"] else m[0]))
        for m in _TOKEN.finditer(text)
        if m["skip"] is None
    ]


@dataclass(frozen=True)
class InsertHead:
    """Where the parts of an INSERT with data are: ``text[:source]`` [SETTINGS] ``text[keyword:data]`` data."""

    source: int
    keyword: int
    data: int
    data_format: bytes


def find_insert(text: bytes) -> InsertHead | None:
    """Find the data of ``INSERT … VALUES`` or ``INSERT … FORMAT x``; None when the statement carries none.

    Only the beginning of a body is needed. What is found here is not trusted: the engine parses the head again.
    """
    depth, source, named, previous = 0, None, False, b""
    stream = iter(tokens(text[:262_144]))
    first = next(stream, None)
    if first is None or first[2] != b"INSERT":
        return None
    for start, end, word in stream:
        if word in (b"(", b"["):
            depth += 1
        elif word in (b")", b"]"):
            depth -= 1
        elif depth == 0 and not named:
            # INSERT [INTO] [TABLE] [FUNCTION] a.b: the first other word is the table, whatever it is called
            named = word not in (b"INTO", b"TABLE", b"FUNCTION")
        elif depth == 0 and previous != b".":
            if word in (b"SELECT", b"WITH", b"FROM", b"WATCH"):
                return None
            if word == b"SETTINGS":
                source = start
            elif word == b"VALUES":
                return InsertHead(start if source is None else source, start, end, b"Values")
            elif word == b"FORMAT":
                name = next(stream, None)
                if name is None:
                    return None
                stop = name[1]
                # as the server: blanks, then one line break, belong to the head
                gap = re.compile(rb"[ \t\f]*\r?\n?").match(text, stop)
                data = gap.end() if gap else stop
                return InsertHead(start if source is None else source, start, data, text[name[0] : stop])
        previous = word
    return None


class Statements:
    """Analyses statements, remembering the last short ones."""

    def __init__(self) -> None:
        self._cache: OrderedDict[tuple, Statement] = OrderedDict()
        self._lock = Lock()

    def analyse(self, connection: Connection, text: bytes, default_format: str, codec: str, key: tuple) -> Statement:
        """Analyse a statement without data.

        Args:
            connection: where it will run; its settings (``max_query_size``, dialect) apply to the parser.
            default_format: output format when the statement names none.
            codec: name of the engine's codec for a streamed result, or ``none``.
            key: the state of the connection, which the answer depends on.

        Raises:
            ServerError: syntax errors in the engine's words, and statements that are not for clients.
        """
        return self._cached(
            ("text", text, default_format, codec, key),
            text,
            lambda: self._plain(connection, text, default_format, codec),
        )

    def insert(self, connection: Connection, text: bytes, head: InsertHead, key: tuple) -> Statement:
        """Analyse the head of an INSERT with data."""
        start = text[: head.keyword]
        return self._cached(("insert", start, head, key), start, lambda: _insert(connection, start, head))

    def _cached(self, key: tuple, text: bytes, make) -> Statement:
        with self._lock:
            if found := self._cache.get(key):
                self._cache.move_to_end(key)
                return found
        made = make()
        if len(text) <= CACHED_BYTES:
            with self._lock:
                self._cache[key] = made
                while len(self._cache) > CACHED_STATEMENTS:
                    self._cache.popitem(last=False)
        return made

    def _plain(self, connection: Connection, text: bytes, default_format: str, codec: str) -> Statement:
        canonical = canonical_text(connection, text)
        _refuse_foreign_doors(canonical)
        kind = canonical.lstrip(b"(").split(b" ", 1)[0].upper()
        statement = Statement(text, kind, canonical)
        if kind not in _WITH_OUTPUT:
            return statement
        found = tokens(text)
        while found and found[-1][2] == b";":
            found.pop()
        at = _format_clause(found)
        end = found[-1][1]
        name = (
            text[found[at + 1][0] : found[at + 1][1]].decode(errors="replace").strip('`"')
            if at is not None
            else default_format
        )
        statement = replace(statement, output_format=name)
        if kind not in (b"SELECT", b"WITH", b"FROM"):
            return statement
        outfile = b"INTO OUTFILE '" + PIPE + b"' TRUNCATE COMPRESSION '" + codec.encode() + b"' LEVEL 3"
        if codec == "none":
            outfile = b"INTO OUTFILE '" + PIPE + b"' TRUNCATE"
        cut = end if at is None else found[at][0]
        tail = b"FORMAT " + default_format.encode() if at is None else text[cut:end]
        sql = text[:cut] + b"\n" + outfile + b"\n" + tail
        # the engine confirms the surgery: without our clause the new text must be the client's statement again
        expected = canonical if at is not None else canonical + b" FORMAT " + default_format.encode()
        printed = canonical_text(connection, sql)
        if printed.replace(b" " + outfile, b"").replace(b"`", b"") == expected.replace(b"`", b""):
            return replace(statement, sql=sql, streams=True)
        return statement


def _insert(connection: Connection, start: bytes, head: InsertHead) -> Statement:
    plain = start + b" FORMAT " + head.data_format
    canonical = canonical_text(connection, plain)
    _refuse_foreign_doors(canonical)
    sql = (
        start[: head.source] + b" FROM INFILE '" + PIPE + b"' " + start[head.source :] + b" FORMAT " + head.data_format
    )
    printed = canonical_text(connection, sql)
    if not canonical.startswith(b"INSERT INTO ") or printed.replace(b" FROM INFILE '" + PIPE + b"'", b"") != canonical:
        raise ServerError(
            62,
            "SYNTAX_ERROR",
            "The data of this INSERT cannot be told from its head. Name the format with FORMAT.",
        )
    return Statement(sql, b"INSERT", canonical, reads_data=True)


def canonical_text(connection: Connection, text: bytes) -> bytes:
    """The engine's print of a text that is exactly one statement.

    Raises:
        ServerError: 62 for anything else, several statements included.
    """
    try:
        return connection.query(
            "SELECT formatQuerySingleLine({embedded_text:String})",
            "RawBLOB",
            {"embedded_text": escape_parameter(text)},
        ).body
    except ServerError as error:
        raise ServerError(error.code, error.name, _SCOPE_NOTE.sub(".", error.text)) from None


def _format_clause(found: list[tuple[int, int, bytes]]) -> int | None:
    """Index of the trailing FORMAT token, when it is followed by a name and nothing but SETTINGS."""
    for index in range(len(found) - 2, -1, -1):
        if found[index][2] == b"FORMAT" and (index + 2 == len(found) or found[index + 2][2] == b"SETTINGS"):
            return index
    return None


def _refuse_foreign_doors(canonical: bytes) -> None:
    bare = _LITERAL.sub(b"''", canonical)
    if re.match(rb"SET (DEFAULT )?ROLE\b", bare):
        raise ServerError(48, "NOT_IMPLEMENTED", "SET ROLE is not available: rights come from users.d.")
    if b" INTO OUTFILE " in bare:
        raise ServerError(358, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed.")
    if b" FROM INFILE " in bare:
        raise ServerError(78, "UNKNOWN_TYPE_OF_QUERY", "Query has infile and was send directly to server.")
    # a function's name may be quoted, so this looks at the text with its quotes
    if call := _FORBIDDEN_CALL.search(
        re.sub(rb"'(?:[^'\\]|\\.|'')*'", b"''", canonical).replace(b"`", b"").replace(b'"', b"")
    ):
        raise ServerError(46, "UNKNOWN_FUNCTION", f"Unknown table function {call[1].decode()}.")
