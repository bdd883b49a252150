"""One HTTP request in ClickHouse's terms: credentials, settings, parameters, query text and body."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from .compression import Decoder
from .engine import escape_parameter
from .errors import ServerError

# URL parameters of the interface itself; every other one is a setting, which the engine validates.
_INTERFACE = {
    "query", "user", "password", "quota_key", "database", "default_format", "query_id", "session_id",
    "session_timeout", "session_check", "close_session", "wait_end_of_query", "buffer_size", "compress", "decompress",
    "stacktrace", "role", "client_protocol_version",
}  # fmt: skip
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_EXTERNAL = re.compile(r"(.+)_(structure|types|format)\Z")


class ClientGone(Exception):
    """The client closed the connection before the end of its request."""


@dataclass
class ExternalTable:
    """A table sent in a multipart body: it exists for this query only."""

    name: str
    structure: str = ""
    data_format: str = "TabSeparated"
    data: bytes = b""


@dataclass
class Call:
    """A parsed request; ``body`` yields what comes after ``text`` of the query."""

    method: str
    headers: Headers
    fields: dict[str, str]
    body: AsyncIterator[bytes]
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    externals: list[ExternalTable] = field(default_factory=list)
    query_id: str = ""

    @property
    def max_query_size(self) -> int:
        """How many bytes of a statement are read, data of an INSERT aside."""
        value = self.settings.get("max_query_size", "")
        return min(int(value), 256 << 20) if value.isdecimal() and int(value) else 262_144

    def flag(self, name: str) -> bool:
        """A boolean URL parameter."""
        return self.fields.get(name, "0").strip().lower() not in ("", "0", "false")

    def credentials(self) -> tuple[str, str]:
        """User and password from headers, Basic authentication or the URL: one way at a time, as the server has it."""
        header = (self.headers.get("x-clickhouse-user", ""), self.headers.get("x-clickhouse-key", ""))
        authorization = self.headers.get("authorization", "")
        in_url = "user" in self.fields or "password" in self.fields
        used = [
            name
            for name, present in (
                ("X-ClickHouse HTTP headers", any(header)),
                ("Authorization HTTP header", bool(authorization)),
                ("authentication via parameters", in_url),
            )
            if present
        ]
        if len(used) > 1:
            raise _unauthenticated(f"it is not allowed to use {used[0]} and {used[1]} simultaneously")
        if authorization:
            scheme, _, encoded = authorization.partition(" ")
            if scheme.lower() != "basic":
                raise _unauthenticated(f"'{scheme[:32]}' HTTP Authorization scheme is not supported")
            try:
                user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise _unauthenticated("the Authorization HTTP header is not valid") from None
        elif any(header):
            user, password = header
        else:
            user, password = self.fields.get("user", "default"), self.fields.get("password", "")
        if not user:
            raise _unauthenticated("got an empty user name")
        return user, password


def _unauthenticated(text: str) -> ServerError:
    return ServerError(516, "AUTHENTICATION_FAILED", f"Invalid authentication: {text}.")


async def _raw_body(receive: Callable[[], Awaitable[dict[str, Any]]], state: dict[str, Any]) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if "broken_body" in state:
            status, text = state["broken_body"]
            raise ServerError(*((159, "TIMEOUT_EXCEEDED") if status == 408 else (36, "BAD_ARGUMENTS")), text)
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


async def read_call(scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]]) -> Call:
    """Read URL and headers, and the whole of a multipart body.

    Raises:
        ServerError: parameters that make no sense.
        ClientGone: the client left in the middle of a multipart body.
    """
    headers = Headers(scope=scope)
    raw = scope["query_string"].decode("ascii", "surrogateescape")
    fields = dict(parse_qsl(raw, keep_blank_values=True, errors="surrogateescape", max_num_fields=10_000))
    call = Call(scope["method"], headers, fields, _raw_body(receive, scope["state"]))
    if headers.get("content-type", "").lower().startswith("multipart/form-data"):
        await _read_form(call)
    for name, value in fields.items():
        if name.startswith("param_"):
            call.parameters[name[6:]] = _as_parameter(value)
        elif name not in _INTERFACE and not any(
            name in (f"{t.name}_structure", f"{t.name}_types", f"{t.name}_format") for t in call.externals
        ):
            if not _SETTING_NAME.match(name):
                raise ServerError(115, "UNKNOWN_SETTING", f"Unknown setting '{_printable(name)}'.")
            call.settings[name] = _printable(value)
    if call.flag("compress") or call.flag("decompress"):
        raise ServerError(
            48, "NOT_IMPLEMENTED",
            "compress=1 and decompress=1 (ClickHouse's own block compression) are not supported here."
            " Use HTTP compression: Accept-Encoding and Content-Encoding with lz4, zstd, gzip or br.",
        )  # fmt: skip
    call.query_id = _printable(fields.get("query_id") or headers.get("x-clickhouse-query-id") or str(uuid.uuid4()))
    return call


async def _read_form(call: Call) -> None:
    """Move the parts of a form to where they belong: fields to the URL's parameters, files to external tables."""
    try:
        form = await MultiPartParser(call.headers, call.body, max_part_size=64 << 20, max_fields=10_000).parse()
    except (MultiPartException, ValueError, KeyError, UnicodeError) as error:
        raise ServerError(36, "BAD_ARGUMENTS", f"The multipart body is malformed: {error}.") from None
    for name, value in form.multi_items():
        if isinstance(value, str):
            call.fields[name] = value
            continue
        table = ExternalTable(name, data=await value.read())
        if f"{name}_types" in call.fields | dict(form):
            types = (call.fields | dict(form))[f"{name}_types"].split(",")
            table.structure = ", ".join(f"_{i} {t.strip()}" for i, t in enumerate(types, 1))
        call.externals.append(table)
    for table in call.externals:
        table.structure = call.fields.get(f"{table.name}_structure", table.structure)
        table.data_format = call.fields.get(f"{table.name}_format", table.data_format)
    call.body = _nothing()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _as_parameter(value: str) -> str:
    # arrived in escaped form already; only bytes that are not UTF-8 have to be written as escapes
    return "".join(escape_parameter(c) if 0xDC80 <= ord(c) <= 0xDCFF else c for c in value)


def _printable(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class QueryText:
    """The query as the server reads it: the URL's ``query``, a line break, the decoded body."""

    def __init__(self, call: Call) -> None:
        self.text = call.fields.get("query", "").encode("utf-8", "surrogateescape")
        self._call = call
        self._decoder = Decoder(call.headers.get("content-encoding", ""))
        self._separator = b"\n" if self.text else b""
        self.ended = False

    async def more(self) -> bytes:
        """The next decoded piece; empty at the end."""
        while not self.ended:
            try:
                piece = self._decoder.feed(await anext(self._call.body))
            except StopAsyncIteration:
                self._decoder.finish()
                self.ended = True
                break
            if piece:
                return piece
        return b""

    async def read(self, size: int) -> bytes:
        """Read until the text has more than ``size`` bytes or the body ends; returns the text so far."""
        parts = [self.text]
        length = len(self.text)
        while length <= size and (piece := await self.more()):
            parts.append(self._separator + piece)
            self._separator = b""
            length += len(parts[-1])
        self.text = b"".join(parts)
        return self.text
