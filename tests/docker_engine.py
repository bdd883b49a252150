"""A Docker Engine's socket, as much of its API as the project's own programs ask for."""

from __future__ import annotations

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class DockerEngine:
    """Answers until it is stopped; its answers can be changed."""

    def __init__(self, path: Path, root: str = "/") -> None:
        self.path = path
        self.info: dict[str, Any] = {"ServerVersion": "20.10.24", "DockerRootDir": root}
        self.containers = [container("zakaz-clickhouse")]
        self.start()

    def start(self) -> None:
        engine = self

        class Answer(BaseHTTPRequestHandler):
            def address_string(self) -> str:
                return "local"

            def log_message(self, *arguments: object) -> None:
                pass

            def do_GET(self) -> None:
                known = {"/info": engine.info, "/containers/json": engine.containers}
                body = json.dumps(known[urlsplit(self.path).path]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = socketserver.ThreadingUnixStreamServer(str(self.path), Answer)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()

    def stop(self) -> None:
        """Stopped as dockerd is when it is killed: its socket stays."""
        self._server.shutdown()
        self._server.server_close()


def container(name: str, state: str = "running", status: str = "Up 2 hours (healthy)") -> dict[str, Any]:
    """A container as the Engine lists it."""
    return {"Names": [f"/{name}"], "State": state, "Status": status}
