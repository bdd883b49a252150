"""ClickHouse's HTTP interface as an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import string
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import structlog

from . import compression
from .engine import Connection, Engine, Result, identifier, quote
from .errors import ServerError, http_status
from .metrics import Metrics
from .request import Call, ClientGone, QueryText, read_call
from .sessions import Sessions
from .statement import PIPE, Statement, Statements, find_insert
from .users import User, Users

# As the server: this much of a result is held back, so that an early error still gets its HTTP status.
BUFFER_BYTES = 1 << 20
FEED_BYTES = 256 << 10
PIPE_BYTES = 1 << 20
_EXPOSED = ", ".join(
    f"X-ClickHouse-{name}"
    for name in (
        "Query-Id",
        "Summary",
        "Server-Display-Name",
        "Format",
        "Timezone",
        "Exception-Code",
        "Exception-Tag",
    )
)
log = structlog.get_logger()

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass
class Work:
    """A request on its way through the engine."""

    call: Call
    user: User
    connection: Connection
    key: tuple
    started: float


class HttpInterface:
    """The application.

    Args:
        engine: the open engine.
        users: who may log in.
        max_concurrent_queries: further queries are answered 202 (the ClickHouse code).
    """

    def __init__(self, engine: Engine, users: Users, max_concurrent_queries: int = 100) -> None:
        self._engine, self._users = engine, users
        self._statements = Statements()
        self._sessions = Sessions(engine)
        self.metrics = Metrics(engine)
        self._limit = max_concurrent_queries
        self._running: dict[str, str] = {}
        # an engine thread per running query; a feeding thread per INSERT whose body does not fit a pipe
        self._queries = ThreadPoolExecutor(max_concurrent_queries + 8, "query")
        self._feeders = ThreadPoolExecutor(max_concurrent_queries, "feed")
        self.stopping = False

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] == "lifespan":
            return await self._lifespan(receive, send)
        if scope["type"] != "http":
            return None
        path, method = scope["path"], scope["method"]
        if path in ("/ping", "/replicas_status") and method in ("GET", "HEAD"):
            return await _plain(send, 200, "Ok.\n", method)
        if path == "/metrics" and method == "GET":
            text = await asyncio.get_running_loop().run_in_executor(self._queries, self.metrics.render)
            return await _plain(send, 200, text, method, "text/plain; version=0.0.4; charset=UTF-8")
        if path not in ("/", "/query"):
            return await _plain(
                send, 404, f"There is no handle {path[:200]}\n\nUse / or /ping for health checks.\n", method
            )
        if method == "OPTIONS":
            return await _plain(send, 204, "", method)
        if method not in ("GET", "HEAD", "POST", "PUT"):
            return await _plain(send, 501, f"Method {method[:20]} is not supported.\n", method)
        if method in ("GET", "HEAD") and not scope["query_string"]:
            return await _plain(send, 200, "Ok.\n", method)
        return await self._query(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        if message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(self.stop)
            await send({"type": "lifespan.shutdown.complete"})

    def stop(self) -> None:
        """Cancel what still runs and close the engine."""
        self.stopping = True
        self._engine.cancel_all()
        self._queries.shutdown(wait=True, cancel_futures=True)
        self._feeders.shutdown(wait=False, cancel_futures=True)
        self._sessions.close()
        self._engine.close()

    async def _query(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        answer = Answer(self._engine, scope["method"], send)
        code = 0
        started = time.monotonic()
        try:
            call = await read_call(scope, receive)
            answer.query_id = call.query_id
            user = self._login(scope, call)
            if self.stopping or len(self._running) >= self._limit:
                raise ServerError(
                    202,
                    "TOO_MANY_SIMULTANEOUS_QUERIES",
                    f"Too many simultaneous queries. Maximum: {self._limit}.",
                )
            text = QueryText(call)
            await text.read(_limit_of(call))
            if not text.text.strip():
                raise ServerError(62, "SYNTAX_ERROR", "Empty query.")
            work = Work(call, user, None, (), started)
            await self._in_session(work, text, answer, receive)
        except ClientGone:
            code = 210
            answer.abandon()
        except ServerError as error:
            code = error.code
            await answer.fail(error)
        except Exception as error:  # a fault of this service must still be an HTTP answer
            code = 49
            log.exception("internal_error", query_id=answer.query_id)
            await answer.fail(
                ServerError(49, "LOGICAL_ERROR", f"{type(error).__name__} in the HTTP interface; see the log.")
            )
        finally:
            self.metrics.observe(code, time.monotonic() - started)

    def _login(self, scope: dict[str, Any], call: Call) -> User:
        address = (scope.get("client") or ("",))[0]
        name, password = call.credentials()
        try:
            return self._users.authenticate(name, password, address)
        except ServerError:
            log.warning("login_failed", user=name[:64], address=address)
            raise

    async def _in_session(self, work: Work, text: QueryText, answer: Answer, receive: Receive) -> None:
        """Take a connection, run, give it back: a session's own one, or one in the request's state."""
        call, user, loop = work.call, work.user, asyncio.get_running_loop()
        database = call.fields.get("database") or call.headers.get("x-clickhouse-database", "")
        settings = self._settings(call, user)
        session = None
        if session_id := call.fields.get("session_id"):
            session = await loop.run_in_executor(self._queries, self._sessions.take, user, session_id, call.fields)
            work.connection, work.key = session.connection, ("session", session_id, id(session))
            try:
                await loop.run_in_executor(self._queries, self._sessions.prepare, session, database, settings)
            except BaseException:
                self._sessions.give(session, call.flag("close_session"))
                raise
        else:
            work.key, work.connection = await loop.run_in_executor(
                self._queries, self._engine.acquire, user, database, settings
            )
        self._running[work.connection.tag] = call.query_id
        try:
            if call.externals:
                work.connection.dirty = True
                await loop.run_in_executor(self._queries, _load_externals, work)
            head = find_insert(text.text)
            if head is None and not text.ended:
                raise ServerError(
                    62,
                    "SYNTAX_ERROR",
                    f"Max query size exceeded (can be increased with the `max_query_size` setting): {_limit_of(call)} bytes.",
                )
            if head is not None:
                await self._insert(work, text, head, answer)
            else:
                await self._run(work, text.text, answer, receive)
        finally:
            self._running.pop(work.connection.tag, None)
            if session:
                await loop.run_in_executor(self._queries, self._sessions.give, session, call.flag("close_session"))
            else:
                await loop.run_in_executor(self._queries, self._engine.release, work.key, work.connection)

    def _settings(self, call: Call, user: User) -> tuple[tuple[str, str], ...]:
        settings = dict(call.settings)
        changed = [n for n, v in settings.items() if user.settings.get(n) != v]
        if user.readonly and "readonly" in changed:
            raise ServerError(164, "READONLY", "Cannot modify 'readonly' setting in readonly mode.")
        if user.readonly == 1 and changed:
            raise ServerError(164, "READONLY", f"Cannot modify '{changed[0]}' setting in readonly mode.")
        if call.method in ("GET", "HEAD") and settings.get("readonly", "0") == "0":
            settings["readonly"] = "2"  # as the server: a GET must not write
        return tuple(sorted(settings.items(), key=lambda item: item[0] == "readonly"))

    # --- rows out -------------------------------------------------------------------------------------------

    async def _run(self, work: Work, text: bytes, answer: Answer, receive: Receive) -> None:
        call, loop = work.call, asyncio.get_running_loop()
        default_format = call.fields.get("default_format") or call.headers.get("x-clickhouse-format") or "TabSeparated"
        if not default_format.isalnum() or not default_format.isascii():
            raise ServerError(73, "UNKNOWN_FORMAT", f"Unknown format {default_format[:64]}.")
        encoding = None
        if call.settings.get("enable_http_compression", "1") != "0":
            encoding = compression.negotiate(call.headers.get("accept-encoding", ""))
        codec = compression.ENGINE_CODECS[encoding] if encoding else "none"
        statement: Statement | None = None
        read_end, write_end = os.pipe()
        with contextlib.suppress(OSError):
            _set_pipe_size(read_end)

        def job() -> Result:
            nonlocal statement
            try:
                statement = self._statements.analyse(work.connection, text, default_format, codec, work.key)
                return self._execute(work, statement, write_end, default_format)
            finally:
                os.close(write_end)

        query = loop.run_in_executor(self._queries, job)
        reader = asyncio.StreamReader(limit=FEED_BYTES)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", 0)
        )
        gone = asyncio.ensure_future(_disconnected(receive))
        spool = call.flag("wait_end_of_query")
        with tempfile.SpooledTemporaryFile(max_size=BUFFER_BYTES) as held:
            try:
                size = 0
                while spool or size < BUFFER_BYTES:
                    piece = await _unless(gone, reader.read(FEED_BYTES))
                    if not piece:
                        break
                    size += len(piece)
                    held.write(piece)
                held.seek(0)
                if reader.at_eof():
                    result = await _unless(gone, query)
                    answer.statement, answer.encoding = statement, encoding if statement.streams else None
                    await answer.whole(held, size, result)
                    return
                answer.statement, answer.encoding = statement, encoding
                await answer.start()
                await answer.piece(held.read())
                while piece := await _unless(gone, reader.read(FEED_BYTES)):
                    await answer.piece(piece)
                await query
                await answer.end()
            finally:
                gone.cancel()
                transport.close()
                if not query.done():
                    # nobody waits for the rest: stop the query, and let its thread see the closed pipe
                    work.connection.dirty = True
                    await asyncio.shield(self._stop_query(work.connection.tag, query))

    async def _stop_query(self, tag: str, query: asyncio.Future) -> None:
        while not query.done():
            await asyncio.get_running_loop().run_in_executor(self._feeders, self._engine.cancel, tag)
            await asyncio.wait([query], timeout=0.5)
        with contextlib.suppress(ServerError, asyncio.CancelledError):
            query.result()

    def _execute(self, work: Work, statement: Statement, pipe: int, default_format: str) -> Result:
        user, connection = work.user, work.connection
        _check_rights(user, statement)
        if statement.kind == b"KILL":
            statement = self._real_query_ids(statement)
        if statement.canonical == b"SHOW GRANTS":
            return self._engine.system_query(f"SHOW GRANTS FOR {identifier(user.name)}", statement.output_format)
        if statement.changes_connection:
            connection.dirty = True
        sql = statement.sql.replace(PIPE, f"/proc/self/fd/{pipe}".encode())
        result = connection.query(sql, statement.output_format or default_format, work.call.parameters)
        if statement.kind == b"SET":
            connection.keep(statement.canonical)
        return result

    def _real_query_ids(self, statement: Statement) -> Statement:
        """Put the engine's query ids in place of the clients' ones."""
        rows = self._engine.system_query("SELECT Settings['log_comment'], query_id FROM system.processes").body.decode()
        ids = {
            self._running[tag]: real for tag, real in (r.split("\t") for r in rows.splitlines()) if tag in self._running
        }
        sql = statement.sql
        for given, real in ids.items():
            sql = sql.replace(quote(given).encode(), quote(real).encode())
        return Statement(sql, statement.kind, statement.canonical, statement.output_format)

    # --- rows in --------------------------------------------------------------------------------------------

    async def _insert(self, work: Work, text: QueryText, head: Any, answer: Answer) -> None:
        loop = asyncio.get_running_loop()
        read_end, write_end = os.pipe()
        with contextlib.suppress(OSError):
            _set_pipe_size(read_end)
        feeding = Feed(write_end, text.text[head.data :])

        def job() -> Result:
            try:
                statement = self._statements.insert(work.connection, text.text, head, work.key)
                _check_rights(work.user, statement)
                sql = statement.sql.replace(PIPE, f"/proc/self/fd/{read_end}".encode())
                result = work.connection.query(sql, "TabSeparated", work.call.parameters)
                return result if result.written_rows else _as_written(result)
            finally:
                os.close(read_end)  # a writer that still feeds gets EPIPE instead of waiting for ever

        query = loop.run_in_executor(self._queries, job)
        complete = False
        try:
            while not query.done():
                while len(feeding.pending) < FEED_BYTES and (piece := await text.more()):
                    feeding.pending += piece
                if not feeding.pending:
                    break
                if len(feeding.pending) < 4096 and text.ended:
                    feeding.write()  # fits an empty pipe: no thread needed
                else:
                    await loop.run_in_executor(self._feeders, feeding.write)
            complete = text.ended
        finally:
            if not complete and not query.done():
                # the engine must not take the end of a broken body for the end of the data
                work.connection.dirty = True
                await loop.run_in_executor(self._feeders, self._engine.cancel, work.connection.tag)
            feeding.close()
            if not complete:
                with contextlib.suppress(ServerError):
                    await self._stop_query(work.connection.tag, query)
        result = await query
        answer.statement = Statement(b"", b"INSERT", b"")
        await answer.whole(None, 0, result)


class Feed:
    """The writing end of an INSERT's pipe."""

    def __init__(self, pipe: int, pending: bytes) -> None:
        self._pipe = pipe
        self.pending = bytearray(pending)

    def write(self) -> None:
        """Write all that is pending; data after a reader that gave up is dropped."""
        view = memoryview(bytes(self.pending))
        self.pending.clear()
        with contextlib.suppress(BrokenPipeError):
            while view:
                view = view[os.write(self._pipe, view) :]

    def close(self) -> None:
        """End of data."""
        os.close(self._pipe)


class Answer:
    """One HTTP response in ClickHouse's form."""

    def __init__(self, engine: Engine, method: str, send: Send) -> None:
        self._engine, self._method, self._send = engine, method, send
        self._started = False
        self._tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
        self.query_id = ""
        self.statement: Statement | None = None
        self.encoding: str | None = None

    def _headers(self) -> list[tuple[str, str]]:
        headers = [
            ("X-ClickHouse-Server-Display-Name", self._engine.display_name),
            ("X-ClickHouse-Timezone", self._engine.timezone),
            ("X-ClickHouse-Exception-Tag", self._tag),
            ("Access-Control-Expose-Headers", _EXPOSED),
        ]
        if self.query_id:
            headers.append(("X-ClickHouse-Query-Id", self.query_id))
        content_type = "text/plain; charset=UTF-8"
        if self.statement and self.statement.output_format:
            headers.append(("X-ClickHouse-Format", self.statement.output_format))
            content_type = self._engine.content_types.get(self.statement.output_format, content_type)
        headers.append(("Content-Type", content_type))
        if self.encoding:
            headers.append(("Content-Encoding", self.encoding))
        return headers

    async def _start(self, status: int, extra: list[tuple[str, str]]) -> None:
        self._started = True
        headers = [(k.encode(), _header_value(v)) for k, v in [*self._headers(), *extra]]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def start(self) -> None:
        """Begin a streamed 200 response."""
        await self._start(200, [("X-ClickHouse-Summary", _summary(Result()))])

    async def piece(self, data: bytes) -> None:
        """A part of the streamed body."""
        if self._method != "HEAD":
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """The end of a streamed body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def whole(self, held: Any, size: int, result: Result) -> None:
        """A response whose result is complete: from the pipe (``held``) or from the result itself."""
        length = size or len(result.body)
        if not length:
            self.encoding = None
        await self._start(200, [("X-ClickHouse-Summary", _summary(result)), ("Content-Length", str(length))])
        if not size:
            await self.piece(result.body)
        while size and (data := held.read(BUFFER_BYTES)):
            await self.piece(data)
        await self.end()

    async def fail(self, error: ServerError) -> None:
        """Answer with an exception: as a response of its own, or inside the body that has begun."""
        text = error.body(self._engine.version)
        if self._started:
            message = f"{text}\n".encode()
            tag = self._tag.encode()
            block = b"\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (
                tag,
                message,
                len(message),
                tag,
            )
            await self.piece(compression.extra_frame(self.encoding, block))
            self.abandon()
            return
        self.statement = self.encoding = None
        body = f"{text}\n".encode()
        extra = [("X-ClickHouse-Exception-Code", str(error.code)), ("Content-Length", str(len(body)))]
        if error.code == 194:
            extra.append(("WWW-Authenticate", 'Basic realm="ClickHouse server HTTP API"'))
        await self._start(http_status(error.code, self._engine.version_tuple), extra)
        await self.piece(body)
        await self.end()

    def abandon(self) -> None:
        """Leave the response without its end: the server closes the connection, and nobody takes it for complete."""


def _check_rights(user: User, statement: Statement) -> None:
    if user.readonly and _mentions_readonly(statement):
        raise ServerError(164, "READONLY", "Cannot modify 'readonly' setting in readonly mode.")
    if not user.unrestricted and statement.creates_view:
        raise ServerError(
            497, "ACCESS_DENIED",
            f"{user.name}: Not enough privileges. Only users without <grants> create or alter views here: a view's"
            " definer would be the engine's own user.",
        )  # fmt: skip


def _mentions_readonly(statement: Statement) -> bool:
    return b"readonly = " in statement.canonical.replace(b"`", b"")


def _load_externals(work: Work) -> None:
    # with the engine's rights, as the server: a table in the request is no CREATE of the user
    for table in work.call.externals:
        work.connection.external(table.name, table.structure, table.data_format, table.data)


def _as_written(result: Result) -> Result:
    # 26.3 does not count written rows; what an INSERT read from its pipe is what it wrote
    return Result(
        written_rows=result.result_rows,
        written_bytes=result.read_bytes,
        read_rows=result.result_rows,
        elapsed_ns=result.elapsed_ns,
    )


def _summary(result: Result) -> str:
    return json.dumps(
        {
            "read_rows": str(result.read_rows),
            "read_bytes": str(result.read_bytes),
            "written_rows": str(result.written_rows),
            "written_bytes": str(result.written_bytes),
            "total_rows_to_read": "0",
            "result_rows": str(result.written_rows or result.result_rows),
            "result_bytes": str(result.written_bytes or len(result.body)),
            "elapsed_ns": str(result.elapsed_ns),
            "memory_usage": "0",
        },
        separators=(",", ":"),
    )


def _limit_of(call: Call) -> int:
    value = call.settings.get("max_query_size", "")
    return min(int(value), 256 << 20) if value.isdigit() and int(value) else 262_144


def _header_value(value: str) -> bytes:
    return "".join(c if c.isprintable() else "?" for c in value).encode("utf-8")


def _set_pipe_size(pipe: int) -> None:
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _unless(gone: asyncio.Future, waiting: Awaitable) -> Any:
    """Wait, unless the client goes away first."""
    future = asyncio.ensure_future(waiting)
    await asyncio.wait([future, gone], return_when=asyncio.FIRST_COMPLETED)
    if not future.done():
        if not isinstance(waiting, asyncio.Future):
            future.cancel()
        raise ClientGone
    return future.result()


async def _plain(
    send: Send, status: int, text: str, method: str, content_type: str = "text/html; charset=UTF-8"
) -> None:
    body = text.encode("utf-8", "replace")
    headers = [(b"Content-Type", content_type.encode()), (b"Content-Length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
