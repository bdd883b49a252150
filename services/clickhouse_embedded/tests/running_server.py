"""A server process of its own for tests: start, ask, stop, kill."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import urllib3

PASSWORD = "correct horse"
_HASH = hashlib.sha256(PASSWORD.encode()).hexdigest()


def _user(name: str, profile: str = "default", grants: tuple[str, ...] = (), networks: str = "::/0") -> str:
    inner = "".join(f"<query>{g}</query>" for g in grants)
    return (
        f"<{name}><password_sha256_hex>{_HASH}</password_sha256_hex><networks><ip>{networks}</ip></networks>"
        f"<profile>{profile}</profile><quota>default</quota>{f'<grants>{inner}</grants>' if inner else ''}</{name}>"
    )


USERS = f"""<clickhouse>
<profiles><default><max_threads>2</max_threads></default>
<readonly><readonly>2</readonly><max_threads>1</max_threads></readonly>
<strict><readonly>1</readonly></strict></profiles>
<users>
<default><password remove="1"/><password_sha256_hex replace="1">{_HASH}</password_sha256_hex>
<networks><ip>::/0</ip></networks><profile>default</profile></default>
{_user("admin")}{_user("reader", "readonly")}{_user("strict", "strict")}
{_user("bi", "readonly", ("GRANT SELECT ON bi.*",))}
{_user("loader", "default", ("GRANT SELECT, INSERT ON shop.sales",))}
{_user("maker", "default", ("GRANT SELECT, INSERT, CREATE VIEW, CREATE TABLE ON shop.*",))}
{_user("elsewhere", networks="192.0.2.0/24")}
</users></clickhouse>"""


@dataclass
class Reply:
    """An HTTP answer."""

    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def code(self) -> int:
        return int(self.headers.get("X-ClickHouse-Exception-Code", 0))

    @property
    def summary(self) -> dict[str, str]:
        return json.loads(self.headers["X-ClickHouse-Summary"])


class RunningServer:
    """`clickhouse server` on a free port of the loopback."""

    def __init__(self, root: Path, users: str | None = USERS, data: Path | None = None) -> None:
        self.root, self.data = root, data or root / "data"
        self.backups = root / "backups"
        self.backups.mkdir(parents=True, exist_ok=True)
        for name, text in (("users.d/10-users.xml", users), ("config.d/10.xml", "<clickhouse/>")):
            if text is not None:
                (root / name).parent.mkdir(exist_ok=True)
                (root / name).write_text(text)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = root / "server.log"
        self.pool = urllib3.PoolManager(maxsize=64, retries=False, timeout=60)
        self.process: subprocess.Popen | None = None
        self.options: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "clickhouse_embedded", *arguments]

    def spawn(self) -> subprocess.Popen:
        """Start the process and return at once."""
        arguments = ("--data", self.data, "--config", self.root, "--backups", self.backups, "--port", self.port)
        source = Path(__file__).resolve().parents[1] / "src"
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command("server", *map(str, arguments), *self.options),
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(source)},
            )

    def start(self) -> RunningServer:
        self.process = self.spawn()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {self.log.read_text()[-3000:]}")
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                if self.pool.request("GET", f"{self.url}/ping", timeout=2).status == 200:
                    return self
            time.sleep(0.05)
        raise AssertionError("the server did not answer within a minute")

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal_number)
        code = self.process.wait(30)
        self.process = None
        self.pool.clear()
        return code

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def events(self) -> list[dict]:
        """The log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def request(
        self, method: str, path: str = "/", body=None, user: str | None = "admin", headers=None, **url
    ) -> Reply:
        """Any request; ``url`` becomes URL parameters."""
        headers = dict(headers or {})
        if user:
            headers |= {"X-ClickHouse-User": user, "X-ClickHouse-Key": PASSWORD}
        target = f"{self.url}{path}" + (f"?{urlencode(url)}" if url else "")
        reply = self.pool.request(method, target, body=body, headers=headers, decode_content=False)
        return Reply(reply.status, reply.headers, reply.data)

    def ask(self, sql: str | bytes, user: str | None = "admin", headers=None, **url) -> Reply:
        """POST a statement."""
        body = sql.encode() if isinstance(sql, str) else sql
        return self.request("POST", "/", body, user, headers, **url)

    def value(self, sql: str, user: str = "admin", **url) -> str:
        """The result of a statement that must succeed."""
        reply = self.ask(sql, user, **url)
        assert reply.status == 200, reply.text
        return reply.text.rstrip("\n")
