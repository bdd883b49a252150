"""One HTTP request in ClickHouse's terms: credentials, settings, parameters, query text and data."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from .compression import Decoder
from .engine import Connection, escape_parameter
from .errors import ServerError
from .statement import InsertHead, find_insert
from .users import User

# URL parameters of the interface itself (log_comment is this service's way to find a query); every other one is a
# setting, which the engine validates.
_INTERFACE = {
    "query", "user", "password", "quota_key", "database", "default_format", "query_id", "session_id",
    "session_timeout", "session_check", "close_session", "wait_end_of_query", "buffer_size", "compress", "decompress",
    "stacktrace", "role", "client_protocol_version", "log_comment",
}  # fmt: skip
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
Receive = Callable[[], Awaitable[dict[str, Any]]]


class ClientGone(Exception):
    """The client closed the connection before the end of its request or of its answer."""


class Call:
    """A request: URL and headers at once, the rest when it is read.

    Attributes:
        externals: tables sent in a multipart body, as name, structure, format and data: they exist for this query.
        text: the query as far as it has been read: the URL's ``query``, a line break, the decoded body.
        head: of an INSERT whose data is the rest of the text and of the body.
        ended: the body has been read to its end.
        begun, given_up: an INSERT is in the engine's hands; nobody waits for the query any more.
        user, connection, session, state: who asks, what serves it, and what the connection's settings follow from.

    Raises:
        ServerError: more URL parameters than make sense.
    """

    def __init__(self, scope: dict[str, Any], receive: Receive) -> None:
        self.method, self.headers = scope["method"], Headers(scope=scope)
        raw = scope["query_string"].decode("ascii", "surrogateescape")
        try:
            fields = parse_qsl(raw, keep_blank_values=True, errors="surrogateescape", max_num_fields=10_000)
        except ValueError as error:
            raise ServerError(36, "BAD_ARGUMENTS", f"The URL's parameters are malformed: {error}.") from None
        self.fields = dict(fields)
        given = self.fields.get("query_id") or self.headers.get("x-clickhouse-query-id")
        self.query_id = _printable(given or str(uuid.uuid4()))
        self.settings: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.externals: list[tuple[str, str, str, bytes]] = []
        self.text, self.ended = b"", False
        self.head: InsertHead | None = None
        self.begun = self.given_up = False
        self.user: User  # who logged in
        self.connection: Connection | None = None
        self.session: Any = None
        self.state: tuple = ()
        self._pieces = _body(scope, receive)

    @property
    def database(self) -> str:
        """The database asked for, or nothing."""
        return self.fields.get("database") or self.headers.get("x-clickhouse-database", "")

    @property
    def default_format(self) -> str:
        """Format of a result whose query names none."""
        name = self.fields.get("default_format") or self.headers.get("x-clickhouse-format") or "TabSeparated"
        if not (name.isalnum() and name.isascii()):
            raise ServerError(73, "UNKNOWN_FORMAT", f"Unknown format {name[:64]!r}.")
        return name

    def flag(self, name: str) -> bool:
        """A boolean URL parameter."""
        return self.fields.get(name, "0").strip().lower() not in ("", "0", "false")

    def credentials(self) -> tuple[str, str]:
        """User and password from headers, Basic authentication or the URL: one way at a time, as the server has it."""
        in_headers = (self.headers.get("x-clickhouse-user", ""), self.headers.get("x-clickhouse-key", ""))
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        ways = {
            "X-ClickHouse HTTP headers": any(in_headers),
            "Authorization HTTP header": bool(scheme or encoded),
            "authentication via parameters": "user" in self.fields or "password" in self.fields,
        }
        used = [name for name, present in ways.items() if present]
        if len(used) > 1:
            raise _unauthenticated(f"it is not allowed to use {used[0]} and {used[1]} simultaneously")
        user, password = self.fields.get("user", "default"), self.fields.get("password", "")
        if any(in_headers):
            user, password = in_headers
        elif used == ["Authorization HTTP header"]:
            if scheme.lower() != "basic":
                raise _unauthenticated(f"'{scheme[:32]}' HTTP Authorization scheme is not supported")
            try:
                user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
            except ValueError:
                raise _unauthenticated("the Authorization HTTP header is not valid") from None
        if not user:
            raise _unauthenticated("got an empty user name")
        return user, password

    async def read(self) -> None:
        """Read a form, then until there is more text than a query may have, or the body ends.

        Raises:
            ServerError: parameters that make no sense, or a broken body. ClientGone: the client left.
        """
        if self.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            await self._read_form()
        self._sort_fields()
        self._decoder = Decoder(self.headers.get("content-encoding", ""))
        value = self.settings.get("max_query_size", "")
        limit = min(int(value), 256 << 20) if value.isdecimal() and int(value) else 262_144
        parts = [self.fields.get("query", "").encode("utf-8", "surrogateescape")]
        separator, length = b"\n" if parts[0] else b"", len(parts[0])
        while length <= limit and (piece := await self.more()):
            parts += (separator, piece)
            separator, length = b"", length + len(piece)
        self.text = b"".join(parts)
        if not self.text.strip():
            raise ServerError(62, "SYNTAX_ERROR", "Empty query.")
        self.head = find_insert(self.text)
        if self.head is None and not self.ended:
            raise ServerError(62, "SYNTAX_ERROR", f"Max query size exceeded (max_query_size = {limit}).")

    async def more(self) -> bytes:
        """The next decoded piece of the body; empty at its end."""
        while not self.ended:
            try:
                if piece := self._decoder.feed(await anext(self._pieces)):
                    return piece
            except StopAsyncIteration:
                self._decoder.finish()
                self.ended = True
        return b""

    async def _read_form(self) -> None:
        """Move the parts of a form to where they belong: fields to the URL's parameters, files to external tables."""
        try:
            form = await MultiPartParser(self.headers, self._pieces, max_part_size=64 << 20, max_fields=10_000).parse()
        except (MultiPartException, ValueError, KeyError) as error:
            raise ServerError(36, "BAD_ARGUMENTS", f"The multipart body is malformed: {error}.") from None
        parts, fields = form.multi_items(), self.fields
        fields.update((name, value) for name, value in parts if isinstance(value, str))
        for name, value in parts:
            if not isinstance(value, str):
                types = enumerate(fields.get(f"{name}_types", "").split(","), 1)
                structure = fields.get(f"{name}_structure") or ", ".join(f"_{i} {t}" for i, t in types if t)
                data_format = fields.get(f"{name}_format", "TabSeparated")
                self.externals.append((name, structure, data_format, await value.read()))
        self.ended = True

    def _sort_fields(self) -> None:
        known = _INTERFACE.union(*({f"{n}_structure", f"{n}_types", f"{n}_format"} for n, *_ in self.externals))
        for name, value in self.fields.items():
            if name.startswith("param_"):
                # arrived in escaped form already; only bytes that are not UTF-8 have to be written as escapes
                self.parameters[name[6:]] = re.sub(r"[\udc80-\udcff]", lambda m: escape_parameter(m[0]), value)
            elif name not in known:
                if not _SETTING_NAME.match(name):
                    raise ServerError(115, "UNKNOWN_SETTING", f"Unknown setting '{_printable(name)}'.")
                self.settings[name] = _printable(value)
        if self.flag("compress") or self.flag("decompress"):
            raise ServerError(
                48, "NOT_IMPLEMENTED",
                "compress=1 and decompress=1 (ClickHouse's own block compression) are not supported here."
                " Use HTTP compression: Accept-Encoding and Content-Encoding with lz4, zstd, gzip or br.",
            )  # fmt: skip


async def _body(scope: dict[str, Any], receive: Receive) -> AsyncGenerator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if broken := scope["state"].get("broken_body"):
            code = (159, "TIMEOUT_EXCEEDED") if broken[0] == 408 else (36, "BAD_ARGUMENTS")
            raise ServerError(*code, broken[1])
        if message.get("body"):
            yield message["body"]
        more = message.get("more_body", False)


def _unauthenticated(text: str) -> ServerError:
    return ServerError(516, "AUTHENTICATION_FAILED", f"Invalid authentication: {text}.")


def _printable(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
