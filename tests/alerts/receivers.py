"""Real servers on real sockets that receive alerts: SMTP with login and STARTTLS, and HTTP."""

from __future__ import annotations

import base64
import json
import socketserver
import ssl
import subprocess
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def free_port() -> int:
    """A port nobody listens on."""
    with socketserver.TCPServer(("127.0.0.1", 0), None) as server:
        return server.server_address[1]


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of its own authority for localhost, and its key."""
    crt, key = folder / "localhost.crt", folder / "localhost.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", crt],
        check=True, capture_output=True,
    )  # fmt: skip
    return crt, key


class _SmtpHandler(socketserver.StreamRequestHandler):
    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def handle(self) -> None:
        office: SmtpReceiver = self.server.office
        self._say("220 localhost ready")
        secured = False
        # rfile is another one after STARTTLS
        while raw := self.rfile.readline():
            line = raw.decode().strip()
            verb = line.upper().split(" ")[0]
            office.said.append(line)
            if verb == "EHLO":
                offers = ["250-localhost"]
                offers += ["250-STARTTLS"] if office.tls and not secured else []
                self._say("\r\n".join([*offers, "250-AUTH PLAIN", "250 SIZE 1000000"]))
            elif verb == "STARTTLS":
                self._say("220 go ahead")
                self.request = office.tls.wrap_socket(self.request, server_side=True)
                self.rfile, self.wfile, secured = self.request.makefile("rb"), self.request.makefile("wb", 0), True
            elif verb == "AUTH":
                given = base64.b64decode(line.split(" ")[2]).decode().split("\0")[1:]
                office.secured_logins.append(secured)
                self._say("235 welcome" if tuple(given) == office.login else "535 no")
            elif verb == "RCPT" and office.refuses_recipients:
                self._say("550 no such mailbox")
            elif verb == "DATA":
                if office.fail_first > 0:
                    office.fail_first -= 1
                    self._say("451 try later")
                    continue
                self._say("354 go on")
                content = b"".join(iter(self.rfile.readline, b".\r\n"))
                office.mails.append(message_from_bytes(content, policy=policy.default))
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")


class SmtpReceiver:
    """An SMTP server; mails arrive in `mails`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.mails, self.said, self.secured_logins = [], [], []
        self.login, self.fail_first, self.refuses_recipients, self.tls = ("robot", "post-secret"), 0, False, tls

    def __enter__(self) -> SmtpReceiver:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _SmtpHandler)
        self._server.daemon_threads, self._server.office = True, self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class HttpReceiver:
    """An HTTP server; what is posted arrives in `posts` as (path, headers, content)."""

    def __init__(self, port: int = 0) -> None:
        self.posts, self.answers, self.port = [], [], port

    def __enter__(self) -> HttpReceiver:
        office = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = office.answers.pop(0) if office.answers else 200
                if status == 200:
                    office.posts.append((self.path, dict(self.headers), content))
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(b'{"ok": true}')

            def do_GET(self) -> None:
                raise AssertionError("a POST was turned into a GET")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
