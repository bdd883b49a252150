"""The one HTTP client of modules, backup and watch, on an address of IPv6."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from zakaz_schema.connection import HttpConnection
from zakaz_schema.failures import Unreachable


class Answer(BaseHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.headers["Host"].encode())


class SixServer(HTTPServer):
    address_family = socket.AF_INET6


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_ipv6_is_reached_with_and_without_brackets(host: str) -> None:
    with SixServer(("::1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        assert HttpConnection(host, port).execute("SELECT 1") == f"[::1]:{port}"
        server.shutdown()
    with pytest.raises(Unreachable, match=rf"http://\[::1\]:{port}/"):
        HttpConnection(host, port).execute("SELECT 1")
