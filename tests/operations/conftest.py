"""A deployment of this machine whose years are lived: backups, faults, restores, upgrades."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.conftest import BIN, REPOSITORY, Play, docker, play
from tests.schema.advertising import STAGING
from tests.sources import ENABLED, SALES, services_on, unit_of

NAME = "zakaz-operations"
PORT = 18223
SANDBOX_PORT = 18190
# 0: done; 75: the loader is held, try later
NO_FAILURE = {0, 75}
SETTINGS = (
    f"zakaz_name={NAME}",
    f"clickhouse_http_port={PORT}",
    f"api_sandbox_port={SANDBOX_PORT}",
    json.dumps(services_on(18191)),
)
TABLES = (
    "zakaz.stg_qtickets_orders",
    "zakaz.stg_qtickets_tickets",
    STAGING,
    "zakaz.dim_events",
    "zakaz.dm_sales_daily",
    "zakaz.dm_ads_daily",
    "zakaz.plan_sales",
)


@dataclass
class Deployment:
    """The deployment under test, driven as an operator drives it."""

    @property
    def folder(self) -> Path:
        """Its folder on the controller, where the host's folders are too."""
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
        return data / "zakaz-dashboard" / "ci" / NAME

    @property
    def backups(self) -> Path:
        return self.folder / "host-backups"

    def play(self, playbook: str, *extra: str) -> Play:
        return play(playbook, *SETTINGS, *extra)

    def succeed(self, playbook: str, *extra: str) -> Play:
        done = self.play(playbook, *extra)
        assert done.code == 0, done.output[-3000:]
        return done

    def kill(self, playbook: str, when: str, *extra: str) -> None:
        """Begin a playbook and kill it with everything it started, as soon as its output holds the words."""
        command = [str(BIN / "ansible-playbook"), "-i", "inventories/ci", f"playbooks/{playbook}.yml"]
        command += [word for setting in (*SETTINGS, *extra) for word in ("-e", setting)]
        process = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"},
        )  # fmt: skip
        lines = []
        for line in process.stdout:
            lines.append(line)
            if when in line:
                break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert when in lines[-1], "".join(lines)[-2000:]

    def ask(self, sql: str, user: str = "admin", password: str | None = None) -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}/", data=sql.encode())
        request.add_header("X-ClickHouse-User", user)
        request.add_header("X-ClickHouse-Key", password or self.secret(user))
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def secret(self, user: str) -> str:
        """The generated password of a ClickHouse user."""
        return (self.folder / "secrets" / f"clickhouse_{user}").read_text().strip()

    def content(self) -> dict[str, str]:
        """Rows and a digest of every value a reader sees, by table; and the revenue BI shows."""
        found = {
            table: self.ask(f"SELECT count(), sum(cityHash64(tuple(*))) FROM {table} FINAL SETTINGS max_threads = 2")
            for table in TABLES
        }
        return found | {
            "revenue": self.ask("SELECT sum(revenue), sum(spend) FROM bi.v_marketing_roi_daily", "bi_reader")
        }

    def newest(self) -> str:
        """Name of the newest backup."""
        return max(path.name for path in self.backups.iterdir() if path.name.startswith(NAME))

    def verdict(self, name: str) -> dict:
        return json.loads((self.backups / name / "drill.json").read_text())


def status(deployed: Deployment, user: str, password: str) -> int:
    """What ClickHouse answers to a login."""
    try:
        deployed.ask("SELECT 1", user, password)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


def loader(deployed: Deployment, verb: str, source: str = SALES) -> subprocess.CompletedProcess:
    """Run the loader of a source by its command."""
    command = [str(deployed.folder / "host" / unit_of(source, NAME)), verb]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def change_season(kind: str, **fields: str) -> None:
    """Let the simulated source accept a token, or refuse it."""
    request = urllib.request.Request(f"http://127.0.0.1:{SANDBOX_PORT}/sandbox/mutate", method="POST")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, json.dumps([{"kind": kind, **fields}]).encode(), timeout=30) as answer:
        answer.read()


def failed(runs: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Those of the runs that failed; some must have been there."""
    assert [code for code, _ in runs].count(0) > 0, "no loader ran"
    return [run for run in runs if run[0] not in NO_FAILURE]


def left_behind(deployed: Deployment) -> list[str]:
    """What a rotation must not leave on host or controller."""
    files = [*deployed.folder.glob("host/before-*"), *deployed.folder.glob("secrets/*.new")]
    return [*map(str, files), *docker("ps", "--all", "--quiet", "--filter", "label=zakaz.hold").split()]


def host_files(deployed: Deployment) -> dict[str, str]:
    """What the host has of secrets."""
    files = [
        *deployed.folder.glob("host/*.env"),
        *deployed.folder.glob("host/*.json"),
        *deployed.folder.glob("host/clickhouse/*.d/*"),
    ]
    # how runs ended is noted by whoever runs a loader meanwhile
    return {str(path): path.read_text() for path in files if not path.name.endswith(".ended.json")}


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployment]:
    """A deployment with data that no loader would bring again."""
    deployment = Deployment()
    deployment.play("remove", "remove_data=true")
    deployment.succeed("site")
    deployment.ask(
        "INSERT INTO zakaz.plan_sales (month, city, revenue_plan, tickets_plan, _ver) "
        "SELECT toDate('2026-01-01'), concat('город ', toString(number)), number, number, 1 FROM numbers(100)"
    )
    yield deployment
    deployment.play("remove", "remove_data=true")


@pytest.fixture
def running_loaders(deployed: Deployment) -> Iterator[list[tuple[int, str]]]:
    """Every loader, run again and again; the exit codes of their runs and their last lines."""
    stop, runs = threading.Event(), []

    def again(name: str) -> None:
        while not stop.is_set():
            done = loader(deployed, "run", name)
            runs.append((done.returncode, (done.stdout.splitlines() or [""])[-1]))
            stop.wait(0.5)

    threads = [threading.Thread(target=again, args=(name,)) for name in ENABLED]
    for thread in threads:
        thread.start()
    yield runs
    stop.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def container(deployed: Deployment) -> str:
    """The name of its ClickHouse."""
    return f"{NAME}-clickhouse"


__all__ = ["Deployment", "docker"]
