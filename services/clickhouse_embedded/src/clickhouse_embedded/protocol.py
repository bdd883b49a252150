"""uvicorn's HTTP protocol, which also answers requests that never become whole.

uvicorn closes the connection when a client ends its side of it, waits for ever when a client falls silent in the
middle of a request, and by closing with unread data takes its own answer back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_HEAD_BYTES = 2 << 20
# How long a client may go on sending after its answer, and how often one that ended its side is asked for.
LINGER_S, PROBE_S = 2, 0.2


class Protocol(HttpToolsProtocol):
    """One connection.

    Args:
        receive_timeout: seconds without a byte in the middle of a request, after which it is answered with 408.
    """

    def __init__(self, *arguments: Any, receive_timeout: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._timeout, self._head_bytes = receive_timeout, 0
        self._awaited = ""  # the part of the request that is not there yet: head, body or nothing
        self._refused = self._ended = False

    # what uvicorn accepts is a socket, whose transport can write
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Lingering(transport, self))  # type: ignore[arg-type]
        self._after(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._awaited == "head" and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(431, "The head of the request is too large.")
        elif self._awaited:
            self._after(self._timeout, self._silence)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited, self._head_bytes = "head", 0

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._awaited = "body"

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._awaited = ""

    def eof_received(self) -> bool:  # type: ignore[override]
        self._ended = True
        if self.transport.is_closing() or not (self._awaited or self._at_work):
            return False
        if self._awaited:
            self._refuse(400, "The request ended before it was whole.")
        else:
            self.cycle.keep_alive = False
            self._probe()
        return True

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    @property
    def nothing_comes(self) -> bool:
        """The client has ended its side, or is between two requests."""
        return self._ended or not (
            self._awaited or self._refused or (self.cycle is not None and not self.cycle.keep_alive)
        )

    @property
    def _at_work(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _after(self, seconds: float, function: Callable[[], None]) -> None:
        self._unset_keepalive_if_required()  # one timer is enough: whatever comes next ends it
        self.timeout_keep_alive_task = self.loop.call_later(seconds, function)

    def _silence(self) -> None:
        if self.flow.read_paused:  # it is this side that does not read
            self._after(self._timeout, self._silence)
        else:
            self._refuse(408, f"Nothing of the request has come for {self._timeout:g} s.")

    def _refuse(self, status: int, text: str) -> None:
        """Answer here what has no application yet; tell the application of a body that broke off."""
        self._refused = True
        if self._at_work:  # garbage behind a request gets no answer of its own: the connection closes after that one
            self.cycle.keep_alive = False
            if self._awaited == "body" and not self.cycle.response_started:
                self.cycle.scope["state"]["broken_body"] = (status, text)
                self.cycle.more_body = False
                self.cycle.message_event.set()
            return
        if self._awaited != "body":  # otherwise its answer has been given already
            head = b"content-type: text/plain; charset=UTF-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head % (len(text) + 1) + text.encode() + b"\n")
        self.transport.close()

    def _probe(self) -> None:
        """Find out whether a client that ended its side still listens: writing to one that does not, fails."""
        if self.transport.is_closing() or not self._at_work or self.cycle.response_started:
            return
        if not self.pipeline and self.scope["http_version"] == "1.1":
            self.transport.write(STATUS_LINE[100] + b"\r\n")
        self.loop.call_later(PROBE_S, self._probe)


class _Lingering:
    """A transport that reads on for a while before it closes: to close on unread data would reset the connection."""

    def __init__(self, transport: asyncio.Transport, protocol: Protocol) -> None:
        self._transport, self._protocol, self._lingers = transport, protocol, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._lingers or self._transport.is_closing()

    def close(self) -> None:
        if self._protocol.nothing_comes or self._transport.is_closing():
            self._transport.close()
        elif not self._lingers:
            self._lingers = True
            self._transport.write_eof()
            self._protocol.flow.resume_reading()
            self._protocol.loop.call_later(LINGER_S, self._give_up)

    def _give_up(self) -> None:
        if self._transport.get_write_buffer_size():  # the client takes its time with the answer
            self._protocol.loop.call_later(LINGER_S, self._give_up)
        else:
            self._transport.abort()
