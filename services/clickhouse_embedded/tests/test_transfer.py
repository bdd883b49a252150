"""Rows into the engine, where it is slower than the client who gives up."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_embedded import transfer
from clickhouse_embedded.errors import ServerError
from clickhouse_embedded.transfer import Transfer

BROKEN = ServerError(36, "BAD_ARGUMENTS", "The request ended before it was whole.")


class Engine:
    """Says of every search for a query that there is none."""

    def cancel(self, tag: str | None = None) -> bytes:
        return b""


class Call(SimpleNamespace):
    """A request, as far as an INSERT looks at it."""

    __hash__ = object.__hash__


class Connection:
    """Keeps what it is asked to run."""

    def __init__(self) -> None:
        self.tag, self.changes, self.asked = "embedded-1", 0, []

    def query(self, sql: bytes, *_: Any) -> None:
        self.asked.append(sql)


def test_an_insert_that_is_given_up_before_it_began_never_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy host may take longer to understand it than its end is held back."""
    monkeypatch.setattr(transfer, "MISSED_KILLS", 1)
    monkeypatch.setattr(transfer, "_check_rights", lambda *_: None)
    connection, understood = Connection(), threading.Event()

    def understand(*_: Any) -> SimpleNamespace:
        understood.wait(10)
        return SimpleNamespace(sql=b"INSERT INTO cut FROM INFILE 'PIPE'")

    call = Call(text=b"1\n", connection=connection, externals=[], parameters={}, state=(), begun=False, given_up=False)

    async def more() -> bytes:
        raise BROKEN

    call.more = more
    sessions = SimpleNamespace(take=lambda _: connection, give_back=lambda _: None, close=lambda: None)
    threading.Thread(target=lambda: (time.sleep(0.5), understood.set())).start()

    async def exchange() -> None:
        service = Transfer(Engine(), 1)
        monkeypatch.setattr(service, "_sessions", sessions)
        monkeypatch.setattr(service, "_statements", SimpleNamespace(insert=understand))
        await service.insert(call, SimpleNamespace(data=0), SimpleNamespace())

    with pytest.raises(ServerError, match="ended before it was whole"):
        asyncio.run(exchange())
    assert connection.asked == []
