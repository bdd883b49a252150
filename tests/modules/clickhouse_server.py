"""The embedded ClickHouse as a process for the module tests: the same HTTP interface as a server's."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import urllib3

REPOSITORY = Path(__file__).resolve().parents[2]
PASSWORD = "a test's own"
_HASH = hashlib.sha256(PASSWORD.encode()).hexdigest()


def _user(name: str, profile: str = "default") -> str:
    return (
        f"<{name}><password_sha256_hex>{_HASH}</password_sha256_hex><networks><ip>::/0</ip></networks>"
        f"<profile>{profile}</profile><quota>default</quota></{name}>"
    )


USERS = (
    "<clickhouse><profiles><default></default><readonly><readonly>2</readonly></readonly></profiles>"
    f"<users>{_user('admin')}{_user('bi_reader', 'readonly')}</users></clickhouse>"
)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY / "services/clickhouse_embedded/src")}
# a throw-away engine of the same version
SCRATCH = ["env", f"PYTHONPATH={ENVIRONMENT['PYTHONPATH']}", sys.executable, "-m", "clickhouse_embedded", "local", "--multiquery"]  # fmt: skip # noqa: E501


class Server:
    """A server on a free port of the loopback, with users admin and bi_reader."""

    def __init__(self, root: Path) -> None:
        (root / "users.d").mkdir(parents=True)
        (root / "config.d").mkdir()
        (root / "backups").mkdir()
        (root / "users.d/users.xml").write_text(USERS, encoding="utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = (root / "server.log").open("wb")
        command = [sys.executable, "-m", "clickhouse_embedded", "server", "--data", root / "data", "--config", root,
                   "--backups", root / "backups", "--port", self.port]  # fmt: skip
        self.process = subprocess.Popen(list(map(str, command)), stdout=self.log, stderr=self.log, env=ENVIRONMENT)
        self.wait(root)

    def wait(self, root: Path) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                urllib3.request("GET", f"http://127.0.0.1:{self.port}/ping", timeout=2, retries=False)
                return
            except urllib3.exceptions.HTTPError:
                time.sleep(0.05)
        raise AssertionError((root / "server.log").read_text(encoding="utf-8")[-2000:])

    def query(self, sql: str) -> str:
        """Run as admin; the answer's text."""
        headers = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": PASSWORD}
        answer = urllib3.request("POST", f"http://127.0.0.1:{self.port}/", body=sql.encode(), headers=headers)
        assert answer.status == 200, answer.data
        return answer.data.decode()

    def empty(self) -> None:
        for name in ("zakaz", "bi", "meta"):
            self.query(f"DROP DATABASE IF EXISTS {name}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
