"""The watch as installed on a host, over a real engine with the project's own schema and the watch's own user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.docker_engine import DockerEngine
from tests.limits import limits
from tests.modules import clickhouse_server
from tests.modules.clickhouse_server import PASSWORD, REPOSITORY, SCRATCH, Server
from tests.modules.run_module import run_module
from tests.programs import MEASURED
from tests.schema.advertising import STAGING
from tests.schema.rendering import write_rendered
from tests.sources import SOURCES

# made up: the watch asks for what its settings name
LOADERS = {"ticket_shop": "zakaz-ticket-shop", "ad_network": "zakaz-ad-network"}
PROGRAM = [REPOSITORY / path for path in ("roles/watch/files", "module_utils", "plugins/filter", "roles/alerts/files")]


HEALTHY_SERVICE = {"LoadState": "loaded", "ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}
HEALTHY_TIMER = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "waiting",
    "UnitFileState": "enabled",
    "NextElapseUSecRealtime": "@1764321000",
}


def watch_user() -> str:
    """The user as the role clickhouse makes it."""
    defaults = yaml.safe_load((REPOSITORY / "roles/clickhouse/defaults/main.yml").read_text(encoding="utf-8"))
    (user,) = [user for user in defaults["clickhouse_own_users"] if user["name"] == "watch"]
    grants = "".join(f"<query>{grant}</query>" for grant in user["grants"])
    plain = clickhouse_server._user("watch", user["profile"])
    return plain.replace("</watch>", f"<grants>{grants}</grants></watch>")


class Deployment:
    """A deployment that is watched."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.textfile = folder / "node-exporter" / "zakaz.prom"
        self.limits = {"disk_low": 0.001, "memory_low": 1, "backup_old": 0}
        self.objectives = {
            "freshness": 0.99,
            "completeness": 1.0,
            "rejected_share": 0.001,
            "loads_on_time": 0.95,
            "reconciliation": 0.0,
            "freshness_minutes": 75,
            "schedule_minutes": 30,
            "settle_hours": 3,
            "days": 7,
            "check_minutes": 30,
        }
        self.certificates: list[str] = []
        self.channels: dict[str, dict] = {}
        self.port = server.port
        self.units: dict[str, dict[str, str]] = {}
        self.engine = DockerEngine(folder / "docker.sock")
        self.folders = [str(folder)]
        self.files: list[str] = []
        self.silent_tables = ["zakaz.stg_qtickets_orders", STAGING]
        (folder / "bin").mkdir()

    def close(self) -> None:
        self.engine.stop()

    def stop_timers(self) -> None:
        self.units = {f"{unit}.timer": {"ActiveState": "inactive"} for unit in LOADERS.values()}

    def start_timers(self) -> None:
        self.units = {}

    def look(self, times: int = 1, at: float | None = None) -> subprocess.CompletedProcess:
        """Run the watch as its timer does; with `at`, when its clock says so."""
        self._write_settings()
        paths = [f"{self.folder}/watch.json", f"{self.folder}/alerts.json"]
        clock = f", clock=lambda: {at!r}" if at is not None else ""
        code = (
            f"import sys; sys.path[:0] = {list(map(str, PROGRAM))!r}; from pathlib import Path;"
            f"from zakaz_watch.command_line import main; sys.exit(main(*map(Path, {paths!r}){clock}))"
        )
        said = ""
        for _ in range(times):
            done = subprocess.run(
                [sys.executable, "-I", "-c", code],
                env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}"} | MEASURED,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.stderr == ""
            said += done.stdout
        done.stdout = said
        return done

    def _write_settings(self) -> None:
        watch = {
            "deployment": "zakaz",
            "clickhouse": {"host": "127.0.0.1", "port": self.port, "username": "watch", "password": PASSWORD},
            "loaders": LOADERS,
            "limits": limits(**self.limits),
            "objectives": self.objectives,
            "metric_files": {name: str(self.folder / f"{name}.prom") for name in LOADERS},
            "textfile": str(self.textfile),
            "look": {
                "deployment": "zakaz",
                "docker_host": f"unix://{self.engine.path}",
                "folders": self.folders,
                "services": LOADERS,
                "timers": list(LOADERS.values()),
                "containers": ["zakaz-clickhouse"],
                "files": self.files,
                "notes": {name: str(self.folder / f"{name}.ended.json") for name in LOADERS},
            },
            "silent_tables": self.silent_tables,
            "certificates": self.certificates,
        }
        alerts = {
            "deployment": "zakaz",
            "state_dir": str(self.folder / "alerts"),
            "secrets_dir": str(self.folder),
            "runbooks": "docs/operations",
            "channels": self.channels,
            "timeout": 5,
            "retry_delays": [],
        }
        (self.folder / "watch.json").write_text(json.dumps(watch))
        (self.folder / "alerts.json").write_text(json.dumps(alerts))
        blocks = []
        for name in (f"{unit}.{kind}" for unit in LOADERS.values() for kind in ("service", "timer")):
            shown = {"Id": name, **(HEALTHY_TIMER if name.endswith("timer") else HEALTHY_SERVICE)}
            blocks.append("".join(f"{key}={value}\n" for key, value in (shown | self.units.get(name, {})).items()))
        (self.folder / "units").write_text("\n".join(blocks))
        fake = self.folder / "bin" / "systemctl"
        fake.write_text(f"#!/bin/sh\ncat '{self.folder}/units'\n")
        fake.chmod(0o755)

    def failing(self) -> set[str]:
        """The subjects people have been told of."""
        return set(json.loads((self.folder / "alerts" / "state.json").read_text())["episodes"])

    def metrics(self) -> dict[str, float]:
        """The samples of the last look."""
        samples = {}
        for line in self.textfile.read_text().splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def ran(self, loader: str, minutes_ago: int, status: str = "success") -> None:
        """A run of a loader ended."""
        self.server.query(
            "INSERT INTO meta.etl_runs (run_id, loader, mode, status, started_at, finished_at, error) VALUES "
            f"('{uuid.uuid4()}', '{loader}', 'run', '{status}', now() - {minutes_ago * 60 + 5}, "
            f"now() - {minutes_ago * 60}, '{'' if status == 'success' else 'no answer'}')"
        )

    def backed_up(self, kind: str, hours_ago: int, status: str = "success", name: str = "b1", error: str = "") -> None:
        """A backup or a drill ended."""
        self.server.query(
            "INSERT INTO meta.backup_runs (run_id, kind, name, status, started_at, finished_at, error) VALUES "
            f"('{uuid.uuid4()}', '{kind}', '{name}', '{status}', now() - {hours_ago * 3600}, "
            f"now() - {hours_ago * 3600}, '{error}')"
        )


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        users = clickhouse_server.USERS.replace("</users>", f"{watch_user()}</users>")
        profile = "<loader><async_insert>0</async_insert></loader></profiles>"
        patch.setattr(clickhouse_server, "USERS", users.replace("</profiles>", profile))
        server = Server(tmp_path_factory.mktemp("watched") / "root")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def with_schema(running: Server, tmp_path_factory: pytest.TempPathFactory) -> Server:
    ddl = write_rendered(tmp_path_factory.mktemp("ddl") / "rendered")
    applied = run_module(
        "clickhouse_schema",
        port=running.port, username="admin", password=PASSWORD, scratch_command=SCRATCH, directory=str(ddl),
    )  # fmt: skip
    assert not applied.get("failed"), applied
    return running


@pytest.fixture
def deployment(with_schema: Server, tmp_path: Path) -> Iterator[Deployment]:
    """A healthy deployment, a minute after every loader ran; those of the schema's tables ran as well."""
    for table in (
        "etl_runs",
        "rejected_records",
        "backup_runs",
        "watermarks",
        "sli_daily",
        "etl_alerts",
        "degraded_fields",
    ):
        with_schema.query(f"TRUNCATE TABLE meta.{table}")
    found = Deployment(with_schema, tmp_path)
    for loader in [*LOADERS, *SOURCES]:
        found.ran(loader, 1)
    yield found
    found.close()
