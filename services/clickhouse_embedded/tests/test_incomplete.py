"""Requests that never become whole, and answers that come before the end of a request."""

from __future__ import annotations

import asyncio
import base64
import socket
import time

import pytest
import uvicorn
from clickhouse_embedded.protocol import LINGER_S, Protocol
from running_server import PASSWORD, RunningServer
from starlette.responses import Response
from uvicorn.server import ServerState

pytestmark = pytest.mark.patient

LOGIN = b"Authorization: Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()) + b"\r\n"
INSERT = b"POST /?query=INSERT+INTO+cut+FORMAT+TSV HTTP/1.1\r\nHost: x\r\n" + LOGIN


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    running = RunningServer(tmp_path_factory.mktemp("impatient"))
    running.options = ("--receive-timeout", "1")
    running.start().value("CREATE TABLE cut (a UInt64) ENGINE = MergeTree ORDER BY a")
    yield running
    assert running.stop() == 0


def talk(server: RunningServer, *pieces: bytes, half_close: bool = False, pause: float = 0.0) -> tuple[int, str]:
    """Send pieces, read to the end: status and body of the answer after any 100 Continue."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as peer:
        for number, piece in enumerate(pieces):
            time.sleep(pause if number else 0)
            peer.sendall(piece)
        if half_close:
            peer.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := peer.recv(1 << 16):
            answer += piece
    while answer.startswith(b"HTTP/1.1 100 "):
        answer = answer[25:]
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body.decode()


HEADS = [b"P", b"POST /", b"POST /?query=SELECT+1 HTTP/1.1\r\nHost: x", b"POST / HTTP/1.1\r\nContent-Length: 8\r\n"]
BODIES = [
    INSERT + b"Content-Length: 100\r\n\r\n1\n2\n",
    INSERT + b"Transfer-Encoding: chunked\r\n\r\n4\r\n1\n2\n\r\n",
    INSERT + b"Transfer-Encoding: chunked\r\n\r\n8\r\n1\n2\n",
    # longer than a statement may be: these are on their way into the engine already
    INSERT + b"Content-Length: 9000000\r\n\r\n" + b"1\n" * 140_000,
    INSERT + b"Content-Length: 9000000\r\n\r\n" + b"1\n" * 1_000_000,
]


@pytest.mark.parametrize("part", HEADS)
def test_a_head_that_breaks_off(impatient, part):
    assert talk(impatient, part, half_close=True) == (400, "The request ended before it was whole.\n")
    assert talk(impatient, part) == (408, "Nothing of the request has come for 1 s.\n")


@pytest.mark.parametrize("part", BODIES)
def test_a_body_that_breaks_off_is_answered_and_inserts_nothing(impatient, part):
    for _ in range(5):
        status, text = talk(impatient, part, half_close=True)
        assert status == 400
    assert "Code: 36. DB::Exception: The request ended before it was whole." in text
    status, text = talk(impatient, part)
    assert status == 408
    assert "Code: 159. DB::Exception: Nothing of the request has come for 1 s." in text
    assert impatient.value("SELECT count() FROM cut") == "0"


def test_a_broken_chunk_is_answered_and_inserts_nothing(impatient):
    head = INSERT + b"Transfer-Encoding: chunked\r\n\r\n4\r\n1\n2\n\r\n"
    status, text = talk(impatient, head, b"zz\r\n", pause=0.2)
    assert status == 400
    assert "Invalid HTTP request" in text
    assert impatient.value("SELECT count() FROM cut") == "0"


def test_slow_is_not_silent(impatient):
    impatient.value("CREATE OR REPLACE TABLE slow (a UInt64) ENGINE = MergeTree ORDER BY a")
    request = INSERT.replace(b"cut", b"slow") + b"Content-Length: 6\r\n\r\n"
    assert talk(impatient, request[:30], request[30:], b"1\n", b"2\n", b"3\n", half_close=True, pause=0.6)[0] == 200
    assert impatient.value("SELECT sum(a) FROM slow") == "6"


def test_a_whole_request_is_answered_to_a_client_that_has_ended_its_side(impatient):
    head = b"POST / HTTP/1.1\r\nHost: x\r\n" + LOGIN
    for sql, answer in ((b"SELECT 1", "1\n"), (b"SELECT sleep(1)", "0\n")):
        request = head + b"Content-Length: %d\r\n\r\n" % len(sql) + sql
        assert talk(impatient, request, half_close=True) == (200, answer)
        assert talk(impatient, request.replace(b"HTTP/1.1", b"HTTP/1.0"), half_close=True) == (200, answer)


def test_an_early_answer_outlives_the_rest_of_its_request(impatient):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    wrong = b"X-ClickHouse-User: nobody\r\nContent-Length: 20000000\r\n\r\n"
    for _ in range(5):
        status, text = talk(impatient, head + wrong, b"SELECT '", b"x" * 15_000_000)
        assert status == 403
        assert "Authentication failed" in text
    assert talk(impatient, head + LOGIN + b"X: " + b"x" * 5_000_000)[0] == 431
    assert talk(impatient, b"\x16\x03\x01 TLS? " + b"x" * 5_000_000)[0] == 400


def test_a_slow_reader_gets_all_of_its_answer():
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    def read() -> bytes:
        return b"".join(iter(lambda: theirs.recv(1 << 16), b""))

    async def exchange() -> bytes:
        answer = Response(b"x" * 100_000, headers={"Connection": "close"})
        config, loop = uvicorn.Config(answer, log_config=None), asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: Protocol(config, ServerState(), {}, receive_timeout=5), ours)
        theirs.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(LINGER_S * 1.5)
        return await asyncio.to_thread(read)

    with theirs:
        assert asyncio.run(exchange()).partition(b"\r\n\r\n")[2] == b"x" * 100_000


def test_garbage_behind_a_request_does_not_reach_its_answer(impatient):
    sql = b"SELECT sleep(0.5)"
    request = b"POST / HTTP/1.1\r\nHost: x\r\n" + LOGIN + b"Content-Length: %d\r\n\r\n" % len(sql) + sql
    assert talk(impatient, request + b"\x00\x01garbage\r\n\r\n") == (200, "0\n")
    assert talk(impatient, request, b"\x00\x01garbage\r\n\r\n", pause=0.2) == (200, "0\n")
