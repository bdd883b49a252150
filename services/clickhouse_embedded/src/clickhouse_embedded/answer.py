"""One HTTP response in ClickHouse's form: headers, summary, exceptions before and inside the body."""

from __future__ import annotations

import random
import string
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .compression import EXTRA_FRAME
from .engine import Engine, Result
from .errors import ServerError, http_status

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_NAMES = ("Query-Id", "Summary", "Server-Display-Name", "Format", "Timezone", "Exception-Code", "Exception-Tag")
_EXPOSED = ",".join(f"X-ClickHouse-{name}" for name in _NAMES)


class Answer:
    """The response to one query.

    Attributes:
        output_format: format of the result, None when the statement has none.
        encoding: Content-Encoding of the result, None for none.
        timezone: zone of the result's DateTime columns that do not name one.
    """

    def __init__(self, engine: Engine, send: Send) -> None:
        self._engine, self._send, self._started = engine, send, False
        self._tag = "".join(random.SystemRandom().choices(string.ascii_lowercase, k=16))
        self.query_id, self.timezone = "", engine.timezone
        self.output_format: str | None = None
        self.encoding: str | None = None

    async def start(self, result: Result | None = None, length: int | None = None) -> None:
        """Begin a 200 response: with what is known of the result, and the length of its body if all of it is there."""
        await self._start(200, length, {"X-ClickHouse-Summary": (result or Result()).summary()})

    async def piece(self, data: bytes) -> None:
        """A part of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """The end of the body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def fail(self, error: ServerError) -> None:
        """Answer with an exception: as a response of its own, or inside the body that has begun."""
        message = f"{error.body(self._engine.version)}\n".encode("utf-8", "replace")
        if self._started:
            # the server's mark since 25.11; the missing end of the body tells clients that don't know it
            tag = self._tag.encode()
            block = b"\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (tag, message, len(message), tag)
            return await self.piece(EXTRA_FRAME[self.encoding](block))
        self.output_format = self.encoding = None
        status = http_status(error.code, self._engine.version)
        await self._start(status, len(message), {"X-ClickHouse-Exception-Code": str(error.code)})
        await self.piece(message)
        return await self.end()

    async def _start(self, status: int, length: int | None, headers: dict[str, str]) -> None:
        self._started = True
        headers |= {
            "X-ClickHouse-Server-Display-Name": self._engine.display_name,
            "X-ClickHouse-Timezone": self.timezone,
            "X-ClickHouse-Exception-Tag": self._tag,
            "X-ClickHouse-Query-Id": self.query_id,
            "X-ClickHouse-Format": self.output_format or "",
            "Access-Control-Expose-Headers": _EXPOSED,
            "Content-Type": self._engine.content_types.get(self.output_format or "", "text/plain; charset=UTF-8"),
            "Content-Encoding": self.encoding or "",
            "Content-Length": "" if length is None else str(length),
        }
        raw = [(name.encode(), _header_value(value)) for name, value in headers.items() if value]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})


def _header_value(value: str) -> bytes:
    return "".join(c if c.isprintable() else "?" for c in value).encode("utf-8", "replace")
