"""A proxy before ClickHouse's HTTP interface that misbehaves as told. A real socket on both sides."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_plus

import clickhouse_connect


@dataclass
class Fault:
    """What happens to statements that contain `text`: `times` of them after the first `skip`."""

    kind: str  # "error" with `code`, "drop" before it, "lose" the answer after it, "slow" by `seconds`
    text: str = ""
    code: int = 0
    skip: int = 0
    times: int = 10**9
    seconds: float = 0.0


@dataclass
class Proxy:
    port: int
    target: int
    faults: list[Fault] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    struck: int = 0

    def client(self) -> Any:
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, autogenerate_session_id=False, query_retries=0, connect_timeout=5
        )

    def strike(self, statement: str) -> Fault | None:
        self.statements.append(statement)
        for fault in self.faults:
            if fault.text in statement:
                if fault.skip > 0:
                    fault.skip -= 1
                elif fault.times > 0:
                    fault.times -= 1
                    self.struck += 1
                    return fault
        return None


@contextmanager
def misbehaving(target: int) -> Iterator[Proxy]:
    """A proxy before the ClickHouse on `target`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _forward(self) -> None:
            body = self._body()
            statement = unquote_plus(self.path) + " " + body[:2000].decode("latin-1")
            fault = proxy.strike(statement)
            if fault and fault.kind == "drop":
                self.close_connection = True
                self.connection.close()
                return
            if fault and fault.kind == "error":
                text = f"Code: {fault.code}. DB::Exception: injected. (INJECTED)".encode()
                self.send_response(500)
                self.send_header("X-ClickHouse-Exception-Code", str(fault.code))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
                return
            if fault and fault.kind == "slow":
                time.sleep(fault.seconds)
            upstream = http.client.HTTPConnection("127.0.0.1", target, timeout=120)
            headers = {
                k: v for k, v in self.headers.items() if k.lower() not in ("transfer-encoding", "content-length")
            }
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            data = answer.read()
            if fault and fault.kind == "lose":
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            upstream.close()

        do_GET = do_POST = _forward

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        handle_error: Callable[..., None] = lambda *_: None  # connections are cut on purpose

    server = Server(("127.0.0.1", 0), Handler)
    proxy = Proxy(server.server_address[1], target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
