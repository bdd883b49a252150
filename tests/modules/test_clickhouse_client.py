"""The one ClickHouse client of modules, loaders, backup and watch, over a server whose answers are scripted."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from zakaz_clickhouse.connection import HttpConnection, append
from zakaz_clickhouse.failures import (
    ClickHouseFailure,
    EngineFailure,
    Meaning,
    Unreachable,
    engine_failure,
    is_passing,
    transport_failure,
)
from zakaz_clickhouse.patience import patiently

from tests.modules.clickhouse_server import REPOSITORY


class Answer(BaseHTTPRequestHandler):
    status, text = 200, ""

    def log_message(self, *arguments: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked = (body.decode(), dict(parse_qsl(urlsplit(self.path).query)))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write((self.text or self.headers["Host"]).encode())


class SixServer(HTTPServer):
    address_family = socket.AF_INET6


@contextmanager
def answering(status: int = 200, text: str = "", server: type[HTTPServer] = HTTPServer) -> Iterator[HTTPServer]:
    handler = type("Scripted", (Answer,), {"status": status, "text": text})
    host = "::1" if server is SixServer else "127.0.0.1"
    with server((host, 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_ipv6_is_reached_with_and_without_brackets(host: str) -> None:
    with answering(server=SixServer) as server:
        port = server.server_address[1]
        assert HttpConnection(host, port).execute("SELECT 1") == f"[::1]:{port}"
    with pytest.raises(Unreachable, match=rf"http://\[::1\]:{port}/"):
        HttpConnection(host, port).execute("SELECT 1")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        *((403, f"Code: {code}. DB::Exception: (SOMETHING)") for code in (192, 193, 194, 516)),
        *((status, "go away") for status in (401, 403, 407)),
    ],
)
def test_a_refused_user_gets_one_sentence_whoever_refuses(status: int, text: str) -> None:
    with answering(status, text) as server:
        port = server.server_address[1]
        with pytest.raises(EngineFailure) as caught:
            HttpConnection("127.0.0.1", port, "anna", "secret").execute("SELECT 1")
    assert str(caught.value) == (
        f"ClickHouse at http://127.0.0.1:{port}/ refuses the user anna: its name or password is not right."
    )
    assert caught.value.meaning is Meaning.LOGIN


def test_an_engines_error_keeps_its_code_and_loses_trace_and_version() -> None:
    words = "Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE) (version 26.3.9.1 (official build))"
    with answering(500, f"{words}\nStack trace:\n0. main") as server, pytest.raises(EngineFailure) as caught:
        HttpConnection("127.0.0.1", server.server_address[1]).execute("SELECT 1")
    assert (caught.value.code, caught.value.reason) == (60, "a table is missing")
    assert str(caught.value) == "Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)"


def test_rows_are_added_whole_and_pinned() -> None:
    with answering() as server:
        connection = HttpConnection("127.0.0.1", server.server_address[1])
        append(connection, "meta.runs", [])
        assert not hasattr(server, "asked"), "no rows, no statement"
        append(connection, "meta.runs", [{"name": "Орёл", "rows": 2}, {"name": "it's", "rows": 3}])
        sql, settings = server.asked
    first, *lines = sql.split("\n")
    assert first == "INSERT INTO `meta`.`runs` (name, rows) FORMAT JSONEachRow"
    assert [json.loads(line) for line in lines] == [{"name": "Орёл", "rows": 2}, {"name": "it's", "rows": 3}]
    assert (settings["async_insert"], settings["min_insert_block_size_rows"]) == ("0", "100000000")


@pytest.mark.parametrize(
    ("failure", "passes"),
    [
        (Unreachable("nobody"), True),
        (engine_failure("Code: 210. (NETWORK_ERROR)"), True),
        (engine_failure("Code: 252. (TOO_MANY_PARTS)"), True),
        (engine_failure("Code: 60. (UNKNOWN_TABLE)"), False),
        (engine_failure("words without a code", 500), False),
        (engine_failure("forbidden", 403), False),
        (engine_failure("Code: 202. (TOO_MANY_SIMULTANEOUS_QUERIES)", 403), True),
        (transport_failure("connection refused"), True),
        (transport_failure("HTTP driver: HTTP status: 403"), False),
        (transport_failure("HTTPDriver returned response code 500. Code: 202. DB::Exception"), True),
        (transport_failure("words of the driver", 497), False),
    ],
    ids=str,
)
def test_what_is_waited_out(failure: ClickHouseFailure, passes: bool) -> None:
    assert is_passing(failure) is passes


class Statement:
    """Fails so many times with so many codes, then works; time passes in its pauses only."""

    def __init__(self, *codes: int) -> None:
        self.failures = [EngineFailure("told by a test", code) for code in codes]
        self.pauses: list[float] = []

    def __call__(self) -> str:
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    def patiently(self, seconds: float) -> str:
        return patiently(
            self,
            seconds,
            pause=lambda wait, failure: self.pauses.append(wait),
            clock=lambda: sum(self.pauses),
            most=3,
        )


def test_pauses_grow_up_to_the_longest() -> None:
    statement = Statement(*[202] * 5)
    assert statement.patiently(60) == "done"
    assert statement.pauses == [0.5, 1, 2, 3, 3]


def test_a_failure_that_lasts_is_told_when_the_time_is_over() -> None:
    statement = Statement(*[202] * 50)
    with pytest.raises(EngineFailure):
        statement.patiently(10)
    assert sum(statement.pauses) == 9.5


def test_a_failure_that_does_not_pass_is_told_at_once() -> None:
    statement = Statement(202, 60)
    with pytest.raises(EngineFailure, match="told") as caught:
        statement.patiently(60)
    assert (caught.value.code, statement.pauses) == (60, [0.5])


def test_it_is_imported_with_pythons_own_library_and_quickly() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY / 'module_utils')!r})\n"
        "import zakaz_clickhouse.connection, zakaz_clickhouse.patience\n"
        "print(sorted({'urllib3', 'clickhouse_connect', 'ansible'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_an_error_is_caught_wherever_both_packages_come_from() -> None:
    """As `ansible.module_utils`, the schema's code takes the client from there, though another is on the path too."""
    import ansible.module_utils.zakaz_clickhouse.failures as theirs
    import ansible.module_utils.zakaz_schema.client as used
    import zakaz_clickhouse.failures as ours
    import zakaz_schema.client as plain

    assert used.EngineFailure is theirs.EngineFailure
    assert used.rows.__module__ == "ansible.module_utils.zakaz_clickhouse.connection"
    assert plain.EngineFailure is ours.EngineFailure
    assert Path(theirs.__file__) == Path(ours.__file__)
