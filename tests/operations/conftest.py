"""A deployment of this machine whose years are lived: backups, faults, restores, upgrades."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.conftest import Play, docker, play

NAME = "zakaz-operations"
PORT = 18223
SETTINGS = (f"zakaz_name={NAME}", f"clickhouse_http_port={PORT}", "api_sandbox_port=18190")
TABLES = (
    "zakaz.stg_qtickets_orders",
    "zakaz.stg_qtickets_tickets",
    "zakaz.stg_vk_ads_daily",
    "zakaz.dim_events",
    "zakaz.dm_sales_daily",
    "zakaz.dm_vk_ads_daily",
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

    def ask(self, sql: str, user: str = "admin") -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}/", data=sql.encode())
        request.add_header("X-ClickHouse-User", user)
        request.add_header("X-ClickHouse-Key", (self.folder / "secrets" / f"clickhouse_{user}").read_text().strip())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

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
def container(deployed: Deployment) -> str:
    """The name of its ClickHouse."""
    return f"{NAME}-clickhouse"


__all__ = ["Deployment", "docker"]
