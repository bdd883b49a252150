"""Rows out of the engine and into it, through pipes: neither side ever holds more than a few of their pieces.

The engine opens the pipe as a file, in INTO OUTFILE and FROM INFILE. So it formats, compresses and parses as it
does for a server's client, in any format, and a slow client slows the engine down instead of filling memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import io
import itertools
import json
import os
import re
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from . import compression
from .answer import Answer
from .engine import Connection, Engine, Result, identifier, quote
from .errors import ServerError
from .request import Call
from .sessions import Sessions
from .statement import PIPE, InsertHead, Statement, Statements

# As the server: this much of a result is held back, so that an early error still gets its HTTP status.
HELD_BYTES = 1 << 20
PIECE_BYTES = 1 << 20
# An INSERT that sets log_comment cannot be found; so often is it looked for, ten times a second.
MISSED_KILLS = 20


class Transfer:
    """Runs queries in threads and moves their data.

    Args:
        engine: the open engine.
        threads: how many queries run at once.

    Attributes:
        running: the queries of now.
    """

    def __init__(self, engine: Engine, threads: int) -> None:
        self._engine, self._sessions, self._statements = engine, Sessions(engine), Statements()
        self._threads = ThreadPoolExecutor(threads + 8, "query")
        self.running: set[Call] = set()

    def in_thread(self, function: Callable, *arguments: Any) -> asyncio.Future:
        """Run a blocking call of the engine beside the event loop."""
        return asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def close(self) -> None:
        """Cancel what runs and wait for it; the connections are closed after that."""
        self._engine.cancel()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._sessions.close()

    async def run(self, call: Call, answer: Answer) -> None:
        """Run a statement without data and answer with its result.

        Raises:
            ServerError: what the engine threw.
        """
        source, write_end = _pipe("rb")
        query = self._start(call, lambda connection: self._execute(call, connection, answer, write_end), write_end)
        try:
            with tempfile.SpooledTemporaryFile(max_size=HELD_BYTES, dir=str(self._engine.scratch)) as held:
                size, wait = 0, call.flag("wait_end_of_query")
                while piece := await _read(source):
                    size += held.write(piece)
                    if size >= HELD_BYTES and not wait:
                        break
                if piece:
                    await answer.start()
                else:
                    result = await _outcome(query)
                    if not size:  # it did not come through the pipe, so nothing compressed it
                        answer.encoding, size = None, held.write(result.body)
                    await answer.start(result, size)
                held.seek(0)
                while part := held.read(PIECE_BYTES):
                    await answer.piece(part)
            while piece and (piece := await _read(source)):
                await answer.piece(piece)
            await _outcome(query)
            await answer.end()
        finally:
            source.close()
            await self._end(call, query)

    async def insert(self, call: Call, head: InsertHead, answer: Answer) -> None:
        """Run an INSERT whose data is the rest of the body.

        A body that breaks off, or cannot be decoded, cancels the INSERT: its end must not pass for the end of data.

        Raises:
            ServerError: what the engine threw, or what is wrong with the body. ClientGone: the client left.
        """
        sink, read_end = _pipe("wb")

        def job(connection: Connection) -> Result:
            statement = self._statements.insert(connection, call.text, head, call.state)
            _check_rights(call, statement)
            sql = statement.sql.replace(PIPE, f"/proc/self/fd/{read_end}".encode())
            # in this order, as _end looks at them in the other: an INSERT that is given up is seen by one of both
            call.begun = True
            if call.given_up:
                raise ServerError(394, "QUERY_WAS_CANCELLED", "The request ended before its INSERT began.")
            return connection.query(sql, "TabSeparated", call.parameters)

        query = self._start(call, job, read_end)
        try:
            piece = call.text[head.data :] or await call.more()
            while piece and not query.done():
                await _write(sink, piece)
                piece = await call.more()
            sink.close()
            result = await _outcome(query)
        finally:
            await self._end(call, query, sink)
            sink.close()
        if not result.written_rows:
            # 26.3 does not count written rows; what an INSERT read from its pipe is what it wrote
            rows, size = result.result_rows, result.read_bytes
            result = replace(result, written_rows=rows, read_rows=rows, written_bytes=size)
        await answer.start(result, 0)
        await answer.end()

    def _start(self, call: Call, function: Callable[[Connection], Result], pipe: int) -> asyncio.Future[Result]:
        """Run a query's engine side in a thread, on a connection; its end of the pipe is closed with it."""

        def job() -> Result:
            try:
                connection = self._sessions.take(call)
                for table in call.externals:
                    connection.external(*table)
                return function(connection)
            finally:
                os.close(pipe)  # the other side gets the end of data, or EPIPE, instead of waiting for ever

        self.running.add(call)
        return self.in_thread(job)

    async def _end(self, call: Call, query: asyncio.Future[Result], sink: io.FileIO | None = None) -> None:
        """Cancel a query nobody waits for any more, wait until its thread is free, and give its connection back."""
        attempts = itertools.count()
        call.given_up = True
        while not query.done():
            # an INSERT that has not begun does not begin any more
            if call.connection and (call.begun or not sink):
                call.connection.changes += 1
                killed = await asyncio.shield(self.in_thread(self._engine.cancel, call.connection.tag))
                # not before it is killed: an INSERT would take the end of the pipe for the end of its data
                if sink and (b"/proc/self/fd/" in killed or next(attempts) >= MISSED_KILLS):
                    sink.close()
            await asyncio.wait([query], timeout=0.1)
        with contextlib.suppress(BaseException):
            query.exception()
        self.running.discard(call)
        if surplus := self._sessions.give_back(call):
            await asyncio.shield(self.in_thread(surplus.close))

    def _execute(self, call: Call, connection: Connection, answer: Answer, pipe: int) -> Result:
        encoding = compression.negotiate(call.headers.get("accept-encoding", ""))
        if call.settings.get("enable_http_compression", "1") == "0":
            encoding = None
        codec, default_format = compression.ENGINE_CODECS.get(encoding or "", "none"), call.default_format
        statement = self._statements.analyse(connection, call.text, default_format, codec, call.state)
        _check_rights(call, statement)
        answer.output_format = statement.output_format
        if statement.streams:
            answer.encoding = encoding
            if statement.output_format == "Native":
                answer.timezone = self._common_timezone(call, connection, statement.query)
        if statement.canonical == b"SHOW GRANTS":
            return self._engine.system_query(f"SHOW GRANTS FOR {identifier(call.user.name)}", default_format)
        sql = statement.sql.replace(PIPE, f"/proc/self/fd/{pipe}".encode())
        if statement.kind == b"KILL":
            sql = self._with_real_query_ids(sql)
        connection.changes += statement.changes_connection
        result = connection.query(sql, statement.output_format or default_format, call.parameters)
        if statement.kind == b"SET":
            connection.keep(statement.canonical)
        return result

    def _common_timezone(self, call: Call, connection: Connection, query: bytes) -> str:
        """The zone of a result's DateTime columns, when it is the same for all of them.

        Native carries no zone with DateTime for clients that speak an older protocol, which is what this engine
        takes everybody for (DateTime64 has it always). Such clients take the zone of the response instead.
        """
        with contextlib.suppress(ServerError):
            described = connection.query(b"DESCRIBE TABLE (" + query + b"\n)", "JSON", call.parameters)
            columns = (re.fullmatch(r"DateTime(?:\('(.+)'\))?", c["type"]) for c in json.loads(described.body)["data"])
            zones = {column[1] for column in columns if column}
            if len(zones) == 1:
                return zones.pop() or self._engine.timezone
        return self._engine.timezone

    def _with_real_query_ids(self, sql: bytes) -> bytes:
        """Put the engine's query ids in place of the clients' ones."""
        rows = self._engine.system_query("SELECT Settings['log_comment'], query_id FROM system.processes").body
        real = dict(row.split("\t") for row in rows.decode().splitlines())
        for call in self.running.copy():
            if call.connection and call.connection.tag in real:
                sql = sql.replace(quote(call.query_id).encode(), quote(real[call.connection.tag]).encode())
        return sql


def _pipe(mode: str) -> tuple[io.FileIO, int]:
    """A pipe: this side's end for the event loop, the engine's as a descriptor.

    Not asyncio's own pipe transport: uvloop's closes its descriptor a second time, in a process whose engine
    threads open files all the time.
    """
    ends = os.pipe()
    with contextlib.suppress(OSError):  # the user's share of pipe memory may be used up: a small one works too
        fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, PIECE_BYTES)
    ours, engines = ends if mode == "rb" else reversed(ends)
    os.set_blocking(ours, False)
    return open(ours, mode, buffering=0), engines  # type: ignore[return-value]  # noqa: PTH123


async def _read(source: io.FileIO) -> bytes:
    """The next piece; empty when the engine has closed its end."""
    while (piece := source.read(PIECE_BYTES)) is None:
        loop = asyncio.get_running_loop()
        await _ready(source.fileno(), loop.add_reader, loop.remove_reader)
    return piece


async def _write(sink: io.FileIO, data: bytes) -> None:
    """Write all of it; data for an engine that has given up is dropped."""
    rest = memoryview(data)
    with contextlib.suppress(BrokenPipeError):
        while rest:
            written = sink.write(rest)
            if written is None:
                loop = asyncio.get_running_loop()
                await _ready(sink.fileno(), loop.add_writer, loop.remove_writer)
            rest = rest[written or 0 :]


async def _ready(pipe: int, add: Callable, remove: Callable) -> None:
    ready = asyncio.get_running_loop().create_future()
    add(pipe, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        remove(pipe)


async def _outcome(query: asyncio.Future[Result]) -> Result:
    """What the thread returned or threw; unlike awaiting the future, to cancel this does not lose the thread."""
    await asyncio.wait([query])
    return query.result()


def _check_rights(call: Call, statement: Statement) -> None:
    """What the engine's grants don't cover: GET, `readonly` itself, and definers."""
    user = call.user
    if call.method in ("GET", "HEAD") and not statement.only_reads:
        text = "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly: use POST."
        raise ServerError(164, "READONLY", text)
    if user.readonly and b"readonly = " in statement.canonical.replace(b"`", b""):
        raise ServerError(164, "READONLY", "Cannot modify 'readonly' setting in readonly mode.")
    if not user.unrestricted and statement.creates_view:
        text = "Only users without <grants> create or change views here: a definer would be the engine's own user."
        raise ServerError(497, "ACCESS_DENIED", f"{user.name}: Not enough privileges. {text}")
