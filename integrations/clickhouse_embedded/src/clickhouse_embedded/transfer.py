"""Rows out of the engine and into it, through pipes: neither side ever holds more than a few of their pieces.

The engine opens the pipe as a file, in INTO OUTFILE and FROM INFILE. So it formats, compresses and parses as it
does for a server's client, in any format, and a slow client slows the engine down instead of filling memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import re
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from . import compression
from .answer import Answer
from .engine import Connection, Engine, Result, identifier, quote
from .errors import ServerError
from .request import Call, ClientGone, QueryText
from .statement import PIPE, InsertHead, Statement, Statements
from .users import User

# As the server: this much of a result is held back, so that an early error still gets its HTTP status.
HELD_BYTES = 1 << 20
PIECE_BYTES = 1 << 20
PIPE_BYTES = 1 << 20


@dataclass
class Work:
    """A query on its connection; ``state`` names the connection's settings, for caches."""

    call: Call
    user: User
    connection: Connection
    state: tuple


class Transfer:
    """Runs queries in threads and moves their data.

    Args:
        engine: the open engine.
        threads: how many queries run at once.
    """

    def __init__(self, engine: Engine, threads: int) -> None:
        self._engine = engine
        self._statements = Statements()
        self._queries = ThreadPoolExecutor(threads + 8, "query")
        self.query_ids: dict[str, str] = {}

    def in_thread(self, function: Any, *arguments: Any) -> asyncio.Future:
        """Run a blocking call of the engine beside the event loop."""
        return asyncio.get_running_loop().run_in_executor(self._queries, function, *arguments)

    def close(self) -> None:
        """Wait for the threads; what they run has been cancelled before."""
        self._queries.shutdown(wait=True, cancel_futures=True)

    async def run(self, work: Work, text: bytes, answer: Answer, gone: asyncio.Future) -> None:
        """Run a statement without data and answer with its result.

        Raises:
            ServerError: what the engine threw. ClientGone: the client left; the query has been cancelled.
        """
        default_format = _default_format(work.call)
        encoding = None
        if work.call.settings.get("enable_http_compression", "1") != "0":
            encoding = compression.negotiate(work.call.headers.get("accept-encoding", ""))
        codec = compression.ENGINE_CODECS.get(encoding or "", "none")
        read_end, write_end = _pipe()

        def job() -> Result:
            try:
                statement = self._statements.analyse(work.connection, text, default_format, codec, work.state)
                answer.output_format = statement.output_format
                answer.encoding = encoding if statement.streams else None
                if statement.streams and statement.output_format == "Native":
                    answer.timezone = self._common_timezone(work, statement.query)
                return self._execute(work, statement, write_end, default_format)
            finally:
                os.close(write_end)

        reader = PipeEnd(read_end)
        query = self.in_thread(job)
        try:
            with tempfile.SpooledTemporaryFile(max_size=HELD_BYTES, dir=self._engine.scratch) as held:
                wait = work.call.flag("wait_end_of_query")
                size = 0
                while (wait or size < HELD_BYTES) and (piece := await _unless(gone, reader.read(PIECE_BYTES))):
                    size += len(piece)
                    held.write(piece)
                held.seek(0)
                if reader.ended:
                    return await answer.whole(await _unless(gone, query), held, size)
                await answer.start()
                await answer.piece(held.read())
            while piece := await _unless(gone, reader.read(PIECE_BYTES)):
                await answer.piece(piece)
            await _unless(gone, query)
            await answer.end()
        finally:
            reader.close()
            await self._stop(work.connection, query)
        return None

    async def insert(self, work: Work, text: QueryText, head: InsertHead, answer: Answer) -> None:
        """Run an INSERT whose data is the rest of the body.

        A body that breaks off, or cannot be decoded, cancels the INSERT: its end must not pass for the end of data.

        Raises:
            ServerError: what the engine threw, or what is wrong with the body. ClientGone: the client left.
        """
        pending = text.text[head.data :] or await text.more()
        read_end, write_end = _pipe()

        def job() -> Result:
            try:
                statement = self._statements.insert(work.connection, text.text, head, work.state)
                _check_rights(work, statement)
                sql = statement.sql.replace(PIPE, f"/proc/self/fd/{read_end}".encode())
                return work.connection.query(sql, "TabSeparated", work.call.parameters)
            finally:
                os.close(read_end)  # a feeder gets EPIPE now, instead of waiting for ever

        query = self.in_thread(job)
        writer = PipeEnd(write_end)
        complete = False
        try:
            while pending and not query.done():
                await writer.write(pending)
                pending = await text.more()
            complete = text.ended
        finally:
            if not complete and not query.done():
                await asyncio.shield(asyncio.to_thread(self._engine.cancel, work.connection.tag))
            writer.close()
            if not complete:
                await self._stop(work.connection, query)
        result = await query
        if not result.written_rows:
            # 26.3 does not count written rows; what an INSERT read from its pipe is what it wrote
            counts = {"written_rows": result.result_rows, "read_rows": result.result_rows}
            result = replace(result, **counts, written_bytes=result.read_bytes)
        await answer.whole(result)

    async def _stop(self, connection: Connection, query: asyncio.Future) -> None:
        """Cancel a query nobody waits for any more, and wait until its thread is free."""
        while not query.done():
            connection.dirty = True
            await asyncio.shield(asyncio.to_thread(self._engine.cancel, connection.tag))
            await asyncio.wait([query], timeout=0.2)
        with contextlib.suppress(Exception):
            query.exception()

    def _execute(self, work: Work, statement: Statement, pipe: int, default_format: str) -> Result:
        connection, sql = work.connection, statement.sql
        _check_rights(work, statement)
        if statement.canonical == b"SHOW GRANTS":
            return self._engine.system_query(f"SHOW GRANTS FOR {identifier(work.user.name)}", default_format)
        if statement.kind == b"KILL":
            sql = self._with_real_query_ids(sql)
        connection.dirty = connection.dirty or statement.changes_connection
        sql = sql.replace(PIPE, f"/proc/self/fd/{pipe}".encode())
        result = connection.query(sql, statement.output_format or default_format, work.call.parameters)
        if statement.kind == b"SET":
            connection.keep(statement.canonical)
        return result

    def _common_timezone(self, work: Work, query: bytes) -> str:
        """The zone of a result's DateTime columns, when it is the same for all of them.

        Native carries no zone with DateTime for clients that speak an older protocol, which is what this engine
        takes everybody for (DateTime64 has it always). Such clients take the zone of the response instead.
        """
        with contextlib.suppress(ServerError):
            described = work.connection.query(b"DESCRIBE TABLE (" + query + b"\n)", "JSON", work.call.parameters)
            types = [column["type"] for column in json.loads(described.body)["data"]]
            zones = {
                t.removeprefix("DateTime").strip("()'") for t in types if re.fullmatch(r"DateTime(\('[^']+'\))?", t)
            }
            if len(zones) == 1:
                return zones.pop() or self._engine.timezone
        return self._engine.timezone

    def _with_real_query_ids(self, sql: bytes) -> bytes:
        """Put the engine's query ids in place of the clients' ones."""
        rows = self._engine.system_query("SELECT Settings['log_comment'], query_id FROM system.processes").body
        for row in rows.decode().splitlines():
            tag, real = row.split("\t")
            if given := self.query_ids.get(tag):
                sql = sql.replace(quote(given).encode(), quote(real).encode())
        return sql


class PipeEnd:
    """The service's end of a pipe, for the event loop.

    Not asyncio's own pipe transport: uvloop's closes its descriptor a second time, in a process whose engine
    threads open files all the time.
    """

    def __init__(self, pipe: int) -> None:
        os.set_blocking(pipe, False)
        self._pipe = pipe
        self.ended = False

    async def read(self, size: int) -> bytes:
        """The next piece; empty when all writers have closed."""
        while True:
            try:
                piece = os.read(self._pipe, size)
                self.ended = not piece
                return piece
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await self._ready(loop.add_reader, loop.remove_reader)

    async def write(self, data: bytes) -> None:
        """Write all of it; data for a reader that has given up is dropped."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._pipe, rest) :]
            except BlockingIOError:
                loop = asyncio.get_running_loop()
                await self._ready(loop.add_writer, loop.remove_writer)
            except BrokenPipeError:
                return

    async def _ready(self, add: Callable, remove: Callable) -> None:
        ready = asyncio.get_running_loop().create_future()
        add(self._pipe, lambda: ready.done() or ready.set_result(None))
        try:
            await ready
        finally:
            remove(self._pipe)

    def close(self) -> None:
        """A reader gets the end of data, a writer EPIPE."""
        os.close(self._pipe)


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    with contextlib.suppress(OSError):  # the user's share of pipe memory may be used up: a small one works too
        fcntl.fcntl(ends[0], fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return ends


def _default_format(call: Call) -> str:
    name = call.fields.get("default_format") or call.headers.get("x-clickhouse-format") or "TabSeparated"
    if not (name.isalnum() and name.isascii()):
        raise ServerError(73, "UNKNOWN_FORMAT", f"Unknown format {name[:64]!r}.")
    return name


def _check_rights(work: Work, statement: Statement) -> None:
    """What the engine's grants don't cover: GET, `readonly` itself, and definers."""
    user = work.user
    if work.call.method in ("GET", "HEAD") and not statement.only_reads:
        text = "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly: use POST."
        raise ServerError(164, "READONLY", text)
    if user.readonly and b"readonly = " in statement.canonical.replace(b"`", b""):
        raise ServerError(164, "READONLY", "Cannot modify 'readonly' setting in readonly mode.")
    if not user.unrestricted and statement.creates_view:
        raise ServerError(
            497,
            "ACCESS_DENIED",
            f"{user.name}: Not enough privileges. Only users without <grants> create or change views here:"
            " a view's definer would be the engine's own user.",
        )


async def _unless(gone: asyncio.Future, waiting: Awaitable) -> Any:
    """Wait, unless the client goes away first."""
    future = asyncio.ensure_future(waiting)
    if not gone.done():
        await asyncio.wait([future, gone], return_when=asyncio.FIRST_COMPLETED)
    if gone.done():
        if future is not waiting:
            future.cancel()
            await asyncio.wait([future])  # it has let go of the pipe when this returns
        raise ClientGone
    return future.result()
