"""One HTTP response in ClickHouse's form: headers, summary, exceptions before and inside the body."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Awaitable, Callable
from typing import IO, Any

from .compression import extra_frame
from .engine import Engine, Result
from .errors import ServerError, http_status

Send = Callable[[dict[str, Any]], Awaitable[None]]
_PIECE = 1 << 20
_EXPOSED = ",".join(
    f"X-ClickHouse-{name}"
    for name in ("Query-Id", "Summary", "Server-Display-Name", "Format", "Timezone", "Exception-Code", "Exception-Tag")
)


class Answer:
    """The response to one query.

    Attributes:
        output_format: format of the result, None when the statement has none.
        encoding: Content-Encoding of the result, None for none.
        timezone: zone of the result's DateTime columns that do not name one.
    """

    def __init__(self, engine: Engine, method: str, send: Send) -> None:
        self._engine, self._method, self._send = engine, method, send
        self._started = False
        self._tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
        self.query_id, self.timezone = "", engine.timezone
        self.output_format: str | None = None
        self.encoding: str | None = None

    async def _start(self, status: int, *extra: tuple[str, str]) -> None:
        self._started = True
        content_type = self._engine.content_types.get(self.output_format or "", "text/plain; charset=UTF-8")
        headers = {
            "X-ClickHouse-Server-Display-Name": self._engine.display_name,
            "X-ClickHouse-Timezone": self.timezone,
            "X-ClickHouse-Exception-Tag": self._tag,
            "Access-Control-Expose-Headers": _EXPOSED,
            "X-ClickHouse-Query-Id": self.query_id,
            "X-ClickHouse-Format": self.output_format,
            "Content-Type": content_type,
            "Content-Encoding": self.encoding,
            **dict(extra),
        }
        raw = [(name.encode(), _header_value(value)) for name, value in headers.items() if value]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def start(self) -> None:
        """Begin a streamed 200 response."""
        await self._start(200, ("X-ClickHouse-Summary", _summary(Result())))

    async def piece(self, data: bytes) -> None:
        """A part of the body."""
        if self._method != "HEAD":
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """The end of the body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def whole(self, result: Result, held: IO[bytes] | None = None, size: int = 0) -> None:
        """A response whose result is complete: ``size`` bytes in ``held``, or the result's own body."""
        if not size:
            self.encoding = None
        length = size or len(result.body)
        await self._start(200, ("X-ClickHouse-Summary", _summary(result)), ("Content-Length", str(length)))
        if not size:
            await self.piece(result.body)
        while size and (data := held.read(_PIECE)):
            await self.piece(data)
        await self.end()

    async def fail(self, error: ServerError) -> None:
        """Answer with an exception: as a response of its own, or inside the body that has begun."""
        message = f"{error.body(self._engine.version)}\n".encode("utf-8", "replace")
        if self._started:
            # the server's mark since 25.11; the missing end of the body tells clients that don't know it
            tag = self._tag.encode()
            block = b"\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (tag, message, len(message), tag)
            await self.piece(extra_frame(self.encoding, block))
            return
        self.output_format = self.encoding = None
        await self._start(
            http_status(error.code, self._engine.version_tuple),
            ("X-ClickHouse-Exception-Code", str(error.code)),
            ("Content-Length", str(len(message))),
            ("WWW-Authenticate", 'Basic realm="ClickHouse server HTTP API"' if error.code == 194 else ""),
        )
        await self.piece(message)
        await self.end()


async def plain(
    send: Send, method: str, status: int, text: str, content_type: str = "text/html; charset=UTF-8"
) -> None:
    """A response outside queries."""
    body = text.encode("utf-8", "replace")
    headers = [(b"Content-Type", content_type.encode()), (b"Content-Length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def _header_value(value: str) -> bytes:
    return "".join(c if c.isprintable() else "?" for c in value).encode("utf-8", "replace")


def _summary(result: Result) -> str:
    counters = {
        "read_rows": result.read_rows,
        "read_bytes": result.read_bytes,
        "written_rows": result.written_rows,
        "written_bytes": result.written_bytes,
        "total_rows_to_read": 0,
        "result_rows": result.written_rows or result.result_rows,
        "result_bytes": result.written_bytes or len(result.body),
        "elapsed_ns": result.elapsed_ns,
        "memory_usage": 0,
    }
    return json.dumps({name: str(value) for name, value in counters.items()}, separators=(",", ":"))
