"""ClickHouse's HTTP interface as an ASGI application."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Coroutine
from typing import Any

import structlog
from starlette.responses import Response

from .answer import Answer, Send
from .engine import Engine
from .errors import ServerError
from .metrics import Metrics
from .request import Call, ClientGone, Receive
from .transfer import Transfer
from .users import User, Users

CLOSE_AFTER_S = 3

log = structlog.get_logger()


class HttpInterface:
    """The application.

    Args:
        engine: the open engine.
        users: who may log in.
        max_concurrent_queries: further queries are answered with error 202.
    """

    def __init__(self, engine: Engine, users: Users, max_concurrent_queries: int = 100) -> None:
        self._engine, self._users, self._limit = engine, users, max_concurrent_queries
        self._transfer, self._metrics = Transfer(engine, max_concurrent_queries), Metrics()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] == "lifespan":
            return await self._lifespan(receive, send)
        path, method = scope["path"], scope["method"]
        if path not in ("/", "/query", "/ping", "/replicas_status", "/metrics"):
            text = f"There is no handle {path[:200]}\n\nUse / or /ping for health checks.\n"
            response = Response(text.encode("utf-8", "replace"), 404)
        elif method not in ("GET", "HEAD", "POST", "PUT"):
            response = Response(status_code=204 if method == "OPTIONS" else 501)
        elif path == "/metrics":
            text = await self._transfer.in_thread(self._metrics.render, self._engine)
            response = Response(text, media_type="text/plain; version=0.0.4")
        elif path in ("/ping", "/replicas_status") or (method in ("GET", "HEAD") and not scope["query_string"]):
            response = Response("Ok.\n", media_type="text/html")
        else:
            return await self._answer(scope, receive, send)
        return await response(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        if message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(self._close)
            await send({"type": "lifespan.shutdown.complete"})

    def _close(self) -> None:
        # a query that cannot be cancelled must not hold up the stop: to end here loses nothing acknowledged
        limit = threading.Timer(CLOSE_AFTER_S, os._exit, (0,))
        limit.daemon = True
        limit.start()
        self._transfer.close()
        self._engine.close()

    async def _answer(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One query, from its request to its response; whatever goes wrong is answered too."""
        answer = Answer(self._engine, send)
        code, started = 0, time.monotonic()
        try:
            call = Call(scope, receive)
            answer.query_id = call.query_id
            call.user = self._login(scope, call)
            await call.read()
            self._check_limits(call)
            if call.head:
                await self._transfer.insert(call, call.head, answer)
            else:
                await _unless_gone(receive, self._transfer.run(call, answer))
        except ClientGone:
            code = 210
        except ServerError as error:
            code = error.code
            await answer.fail(error)
        except Exception as error:  # a fault of this service must be an HTTP answer too
            code = 49
            log.exception("internal_error", query_id=answer.query_id)
            text = f"{type(error).__name__} in the HTTP interface; the log has the details."
            await answer.fail(ServerError(code, "LOGICAL_ERROR", text))
        finally:
            self._metrics.requests[code] += 1
            self._metrics.seconds += time.monotonic() - started

    def _login(self, scope: dict[str, Any], call: Call) -> User:
        address, name = (scope.get("client") or ("",))[0], ""
        try:
            name, password = call.credentials()
            return self._users.authenticate(name, password, address)
        except ServerError:
            log.warning("login_failed", user=name[:64], address=address)
            raise

    def _check_limits(self, call: Call) -> None:
        running = self._transfer.running
        if len(running) >= self._limit:
            text = f"Too many simultaneous queries. Maximum: {self._limit}."
            raise ServerError(202, "TOO_MANY_SIMULTANEOUS_QUERIES", text)
        if any(other.query_id == call.query_id for other in running):
            text = f"Query with id = {call.query_id} is already running."
            raise ServerError(216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", text)


async def _unless_gone(receive: Receive, coroutine: Coroutine) -> None:
    """Cancel what runs when the client closes its connection.

    Raises:
        ClientGone: it did.
    """
    task, gone = asyncio.ensure_future(coroutine), asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        left = task.cancel()
        await asyncio.wait([task])
    if left:
        raise ClientGone
    task.result()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
