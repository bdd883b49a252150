"""What a statement is, decided by the engine's own parser, and the text that is really executed.

Nothing a client sends is executed before the engine has parsed it as exactly one statement and printed it
back (``formatQuerySingleLine``). Rights rest on this: ``SET ROLE`` would change a connection's rights, and
INTO OUTFILE and FROM INFILE reach files. The latter two belong to the service: results leave the engine, and
data of an INSERT enters it, through a pipe that the service names in these clauses.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from .engine import Connection, escape_parameter
from .errors import ServerError

# Random, so that no client's text contains it.
PIPE = b"/proc/self/fd/@" + secrets.token_hex(8).encode()
CACHED_STATEMENTS, CACHED_BYTES = 512, 16_384

_STRING = rb"'(?:[^'\\]|\\.|'')*'"
_QUOTED = _STRING + rb"|`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\""
_TOKEN = re.compile(
    rb"(?P<skip>\s+|--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)"
    rb"|(?P<quoted>" + _QUOTED + rb"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
    rb"|(?P<word>[A-Za-z_][\w$]*)|[0-9][\w.]*|.",
    re.DOTALL,
)
_AFTER_FORMAT = re.compile(rb"[ \t\f]*\r?\n?")
_VIEW = re.compile(
    rb"(CREATE|ATTACH|REPLACE)( OR REPLACE)? ((MATERIALIZED|LIVE|WINDOW) )?VIEW\b"
    rb"|ALTER TABLE .*\bMODIFY (SQL SECURITY|DEFINER|QUERY)\b",
    re.DOTALL,
)
_SELECTS = {b"SELECT", b"WITH", b"FROM"}
_READS = _SELECTS | {b"SHOW", b"DESCRIBE", b"EXPLAIN", b"EXISTS"}
_WITH_OUTPUT = _READS | {b"CHECK", b"KILL", b"BACKUP", b"RESTORE"}
_SCOPE_NOTE = re.compile(r"(?::|\.)? In scope SELECT formatQuerySingleLine\(.*", re.DOTALL)

# What is not for clients. In a canonical text with its quoted parts emptied:
_REFUSED = (
    (rb"\ASET (DEFAULT )?ROLE\b", 48, "NOT_IMPLEMENTED", "SET ROLE is not available: rights come from users.d."),
    (rb" INTO OUTFILE ", 358, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed."),
    (rb" FROM INFILE ", 78, "UNKNOWN_TYPE_OF_QUERY", "Query has infile and was send directly to server."),
)
# … and with its quotation marks taken away, since the name of a function may be quoted: doors that a server does not
# have (Python objects, raw pointers, a statement in a string); and data that the engine would take for none.
_REFUSED_CALLS = (
    (rb"(?i)\b(python|arrowstream|eval)\s*\(", 46, "UNKNOWN_FUNCTION", "Unknown table function {}."),
    (rb"(?i)\b(FROM|JOIN) input\(", 48, "NOT_IMPLEMENTED",
     "input() is not available: INSERT the data itself with FORMAT, or send it as an external table."),
)  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """A statement that may be executed.

    Attributes:
        sql: what to execute; PIPE stands in it where the pipe's path belongs.
        canonical: the engine's own print of the client's text.
        output_format: the format of the result, or None when there is no result.
        streams: the result comes through the pipe instead of the result's body.
        query: a streaming SELECT without its FORMAT.
    """

    sql: bytes
    canonical: bytes
    output_format: str | None = None
    streams: bool = False
    query: bytes = b""

    @property
    def kind(self) -> bytes:
        """First word of the statement, upper case."""
        return self.canonical.lstrip(b"(").split(b" ", 1)[0].upper()

    @property
    def changes_connection(self) -> bool:
        """The statement leaves something behind on its connection."""
        return self.kind in (b"SET", b"USE") or b"TEMPORARY" in self.canonical[:64]

    @property
    def only_reads(self) -> bool:
        """The statement changes no data and no schema (temporary tables aside)."""
        return self.kind in _READS or self.changes_connection

    @property
    def creates_view(self) -> bool:
        """The statement defines a view or its definer."""
        return bool(_VIEW.match(self.canonical))


@dataclass(frozen=True)
class InsertHead:
    """Parts of an INSERT with data: ``[:source]`` SETTINGS ``[source:keyword]`` FORMAT ``[keyword:data]``."""

    source: int
    keyword: int
    data: int
    data_format: bytes


def tokens(text: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Significant tokens as (start, end, text), one by one; words in upper case, anything quoted as b''."""
    for m in _TOKEN.finditer(text):
        if m["skip"] is None:
            yield m.start(), m.end(), b"" if m["quoted"] else m[0].upper()


def find_insert(text: bytes) -> InsertHead | None:
    """Find the data of ``INSERT … VALUES`` or ``INSERT … FORMAT x``; None when the statement carries none.

    The beginning of a body is enough. What is found is not trusted: the engine parses the head again.
    """
    if not re.match(rb"[\s(]*insert\b|\s*(--|#|/\*)", text, re.IGNORECASE):
        return None
    depth, source, table_seen, previous = 0, None, False, b""
    found = tokens(text)
    if next(found, (0, 0, b""))[2] != b"INSERT":
        return None
    for start, end, word in found:
        depth += (word in (b"(", b"[")) - (word in (b")", b"]"))
        if depth or word in (b")", b"]") or previous == b".":
            pass
        elif not table_seen:
            # INSERT [INTO] [TABLE] [FUNCTION] t: the first other word is the table, whatever it is called
            table_seen = word not in (b"INTO", b"TABLE", b"FUNCTION")
        elif word in (b"SELECT", b"WITH", b"FROM", b"WATCH"):
            return None
        elif word == b"SETTINGS":
            source = start
        elif word == b"VALUES":
            return InsertHead(start if source is None else source, start, end, b"Values")
        elif word == b"FORMAT" and (name := next(found, None)):
            # as the server: blanks, then one line break, still belong to the head
            blanks = _AFTER_FORMAT.match(text, name[1])
            assert blanks  # it matches nothing, too
            return InsertHead(start if source is None else source, start, blanks.end(), text[name[0] : name[1]])
        previous = word
    return None


class Statements:
    """Analyses statements, and remembers short ones.

    The ``state`` of the connection is part of what is remembered: settings such as ``max_query_size`` and
    ``dialect`` apply to the parser.
    """

    def __init__(self) -> None:
        self._known: dict[tuple, Statement] = {}

    def analyse(self, connection: Connection, text: bytes, default_format: str, codec: str, state: tuple) -> Statement:
        """Analyse a statement without data.

        Args:
            default_format: output format when the statement names none.
            codec: the engine's name of the compression of a streamed result, or ``none``.

        Raises:
            ServerError: syntax errors in the engine's words, and statements that are not for clients.
        """
        key = (text, default_format, codec, state)
        return self._once(key, lambda: _analyse(connection, text, default_format, codec))

    def insert(self, connection: Connection, text: bytes, head: InsertHead, state: tuple) -> Statement:
        """Analyse the head of an INSERT with data."""
        start = text[: head.keyword]
        return self._once((start, head, state), lambda: _insert(connection, start, head))

    def _once(self, key: tuple, make: Callable[[], Statement]) -> Statement:
        statement = self._known.get(key) or make()
        if len(key[0]) <= CACHED_BYTES:
            if len(self._known) >= CACHED_STATEMENTS:
                self._known.clear()
            self._known[key] = statement
        return statement


def canonical_text(connection: Connection, text: bytes) -> bytes:
    """The engine's print of a text that is exactly one statement.

    Raises:
        ServerError: 62 for anything else, several statements included.
    """
    parameters = {"embedded_text": escape_parameter(text)}
    try:
        return connection.query("SELECT formatQuerySingleLine({embedded_text:String})", "RawBLOB", parameters).body
    except ServerError as error:
        raise ServerError(error.code, error.name, _SCOPE_NOTE.sub(".", error.text)) from None


def _permitted(connection: Connection, text: bytes) -> bytes:
    canonical = canonical_text(connection, text)
    emptied = re.sub(_QUOTED, b"''", canonical)
    unquoted = re.sub(rb"[`\"]", b"", re.sub(_STRING, b"''", canonical))
    for where, refused in ((emptied, _REFUSED), (unquoted, _REFUSED_CALLS)):
        for pattern, code, name, message in refused:
            if found := re.search(pattern, where):
                raise ServerError(code, name, message.format(*(group.decode() for group in found.groups(b""))))
    return canonical


def _analyse(connection: Connection, text: bytes, default_format: str, codec: str) -> Statement:
    canonical = _permitted(connection, text)
    statement = Statement(text, canonical)
    if statement.kind not in _WITH_OUTPUT:
        return statement
    found = list(tokens(text))
    while found and found[-1][2] == b";":
        found.pop()
    end, name = found[-1][1], default_format.encode()
    cut, expected = end, canonical + b" FORMAT " + name
    for (start, _, word), (name_start, name_end, _), after in zip(found, found[1:], [*found[2:], None], strict=False):
        if word == b"FORMAT" and (after is None or after[2] == b"SETTINGS"):
            cut, expected, name = start, canonical, text[name_start:name_end].strip(b'`"')
    statement = replace(statement, output_format=name.decode("utf-8", "replace"))
    if statement.kind not in _SELECTS:
        return statement
    outfile = b" INTO OUTFILE '" + PIPE + b"' TRUNCATE"
    if codec != "none":
        outfile += b" COMPRESSION '" + codec.encode() + b"' LEVEL 3"
    tail = text[cut:end] if cut < end else b"FORMAT " + name
    sql = text[:cut] + b"\n" + outfile + b"\n" + tail
    # the engine confirms the surgery: without our clause the new text is the client's statement again
    if canonical_text(connection, sql).replace(outfile, b"").replace(b"`", b"") == expected.replace(b"`", b""):
        return replace(statement, sql=sql, streams=True, query=text[:cut])
    return statement


def _insert(connection: Connection, start: bytes, head: InsertHead) -> Statement:
    name = b" FORMAT " + head.data_format
    canonical = _permitted(connection, start + name)
    infile = b" FROM INFILE '" + PIPE + b"'"
    sql = start[: head.source] + infile + b" " + start[head.source :] + name
    if not canonical.startswith(b"INSERT INTO ") or canonical_text(connection, sql).replace(infile, b"") != canonical:
        text = "The data of this INSERT can't be told from its head: name the format with FORMAT."
        raise ServerError(62, "SYNTAX_ERROR", text)
    return Statement(sql, canonical)
