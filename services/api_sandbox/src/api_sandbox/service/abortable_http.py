"""uvicorn's HTTP/1.1 protocol, with its connection within reach of the application.

ASGI has no word for a broken connection, and a fault that only pretends would test nothing: the gate closes or
resets the real socket.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

SCOPE_KEY = "api_sandbox.transport"


class AbortableH11Protocol(H11Protocol):
    """Puts its transport into the scope of every request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            scope[SCOPE_KEY] = transport
            await inner(scope, receive, send)

        self.app = with_transport


def close(transport: asyncio.Transport, *, reset: bool) -> None:
    """End the connection: after the bytes already written, or at once with a TCP reset."""
    if reset:
        # Linger of zero seconds makes close() send RST.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
