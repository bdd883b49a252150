"""ClickHouse's HTTP interface as an ASGI application."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from .answer import Answer, Send, plain
from .engine import Engine
from .errors import ServerError
from .metrics import Metrics
from .request import Call, ClientGone, QueryText, read_call
from .sessions import Sessions
from .statement import find_insert
from .transfer import Transfer, Work
from .users import User, Users

CLOSE_AFTER_S = 3

log = structlog.get_logger()
Receive = Callable[[], Awaitable[dict[str, Any]]]


class HttpInterface:
    """The application.

    Args:
        engine: the open engine.
        users: who may log in.
        max_concurrent_queries: further queries are answered with error 202.
    """

    def __init__(self, engine: Engine, users: Users, max_concurrent_queries: int = 100) -> None:
        self._engine, self._users, self._limit = engine, users, max_concurrent_queries
        self._transfer = Transfer(engine, max_concurrent_queries)
        self._sessions = Sessions(engine)
        self._metrics = Metrics(engine)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] == "lifespan":
            return await self._lifespan(receive, send)
        if scope["type"] != "http":
            return None
        path, method = scope["path"], scope["method"]
        if path not in ("/", "/query", "/ping", "/replicas_status", "/metrics"):
            text = f"There is no handle {path[:200]}\n\nUse / or /ping for health checks.\n"
            return await plain(send, method, 404, text)
        if method not in ("GET", "HEAD", "POST", "PUT"):
            return await plain(send, method, 204 if method == "OPTIONS" else 501, "")
        if path == "/metrics":
            text = await self._transfer.in_thread(self._metrics.render)
            return await plain(send, method, 200, text, "text/plain; version=0.0.4; charset=UTF-8")
        if path in ("/ping", "/replicas_status") or (method in ("GET", "HEAD") and not scope["query_string"]):
            return await plain(send, method, 200, "Ok.\n")
        return await self._answer(scope, receive, send)

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
        self._engine.cancel_all()
        self._transfer.close()
        self._sessions.close()
        self._engine.close()

    async def _answer(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One query, from its request to its response; whatever goes wrong is answered too."""
        answer = Answer(self._engine, scope["method"], send)
        code, started = 0, time.monotonic()
        try:
            call = await read_call(scope, receive)
            answer.query_id = call.query_id
            user = self._login(scope, call)
            running = self._transfer.query_ids.values()
            if len(running) >= self._limit:
                text = f"Too many simultaneous queries. Maximum: {self._limit}."
                raise ServerError(202, "TOO_MANY_SIMULTANEOUS_QUERIES", text)
            if call.query_id in running:
                text = f"Query with id = {call.query_id} is already running."
                raise ServerError(216, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", text)
            await self._query(call, user, answer, receive)
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
            self._metrics.observe(code, time.monotonic() - started)

    def _login(self, scope: dict[str, Any], call: Call) -> User:
        address = (scope.get("client") or ("",))[0]
        name, password = call.credentials()
        try:
            return self._users.authenticate(name, password, address)
        except ServerError:
            log.warning("login_failed", user=name[:64], address=address)
            raise

    async def _query(self, call: Call, user: User, answer: Answer, receive: Receive) -> None:
        """Take a connection, run, give it back: a session's own one, or one in the request's state."""
        text = QueryText(call)
        limit = call.max_query_size
        await text.read(limit)
        if not text.text.strip():
            raise ServerError(62, "SYNTAX_ERROR", "Empty query.")
        head = find_insert(text.text)
        if head is None and not text.ended:
            raise ServerError(62, "SYNTAX_ERROR", f"Max query size exceeded (max_query_size = {limit}).")
        in_thread = self._transfer.in_thread
        lease = self._sessions.idle(user, call) or await in_thread(self._sessions.lease, user, call)
        work = Work(call, user, lease.connection, lease.state)
        self._transfer.query_ids[lease.connection.tag] = call.query_id
        gone = None
        try:
            for table in call.externals:
                lease.connection.dirty = True
                await in_thread(lease.connection.external, table.name, table.structure, table.data_format, table.data)
            if head:
                await self._transfer.insert(work, text, head, answer)
            else:
                gone = asyncio.ensure_future(_disconnected(receive))
                await self._transfer.run(work, text.text, answer, gone)
        finally:
            if gone:
                gone.cancel()
            self._transfer.query_ids.pop(lease.connection.tag, None)
            if surplus := self._sessions.give_back(lease):
                await asyncio.shield(in_thread(surplus.close))


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
