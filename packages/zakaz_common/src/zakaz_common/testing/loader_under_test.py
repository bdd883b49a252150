"""A loader as an operator runs it, without a container around it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from zakaz_common.deadline import Deadline
from zakaz_common.run import RunContext, run_loader
from zakaz_common.settings import CommonSettings
from zakaz_common.warehouse import Warehouse

Work = Callable[[RunContext], None]


@dataclass
class LoaderUnderTest:
    """Runs a loader against the engine behind `client`. A loader's own class says which loader it is.

    `through` is a client for the runs alone, such as one that fails. Waits pass at once, and are kept.
    """

    NAME: ClassVar[str]
    VERSION: ClassVar[str]
    SETTINGS: ClassVar[type[CommonSettings]]
    WORK: ClassVar[Work]
    BACKFILL: ClassVar[Callable[[RunContext, date, date], None]]
    DEFAULTS: ClassVar[dict[str, Any]]

    client: Any
    state_dir: Path
    settings: dict[str, Any]
    through: Any = None
    waits: list[float] = field(default_factory=list)
    latest: set[str] = field(default_factory=set)

    def having(self, **changes: Any) -> Self:
        """The same loader with other settings."""
        return replace(self, settings={**self.settings, **changes})

    def via(self, client: Any) -> Self:
        """The same loader, whose runs reach ClickHouse through another client."""
        return replace(self, through=client)

    def configured(self) -> Any:
        """The loader's settings."""
        return self.SETTINGS(
            **{
                "clickhouse_host": "in-process",
                "clickhouse_user": "loader",
                "clickhouse_password": "x",
                "loader_state_dir": self.state_dir,
                **self.DEFAULTS,
                **self.settings,
            }
        )

    def run(self, work: Work | None = None, *, mode: str = "run") -> int:
        """One run; returns the exit code."""
        settings, skipped = self.configured(), 0.0

        def skip(seconds: float) -> None:
            nonlocal skipped
            skipped += seconds
            self.waits.append(seconds)

        deadline = Deadline(settings.loader_deadline_seconds, clock=lambda: time.monotonic() + skipped, sleep=skip)
        warehouse = Warehouse.from_client(self.through or self.client, deadline)
        before = self._run_ids()
        code = run_loader(
            self.NAME, settings, work or type(self).WORK, mode=mode, version=self.VERSION, warehouse=warehouse,
            deadline=deadline,
        )  # fmt: skip
        self.latest.clear()
        self.latest.update(self._run_ids() - before)
        return code

    @property
    def clickhouse_port(self) -> int:
        """Port of the engine's HTTP interface."""
        return int(urlsplit(self.client.url).port or 0)

    def start(self, *arguments: str, **variables: str | None) -> subprocess.Popen[str]:
        """The command line in a process of its own, with the settings as variables (None: not set); waits are real.

        Nothing else of the environment reaches it, but what `make coverage` sets.
        """
        values: dict[str, Any] = {"CLICKHOUSE_HOST": "127.0.0.1", "CLICKHOUSE_PORT": self.clickhouse_port}
        values |= {"CLICKHOUSE_USER": "default", "CLICKHOUSE_PASSWORD": "", "LOADER_STATE_DIR": self.state_dir}
        values |= {name.upper(): value for name, value in {**self.DEFAULTS, **self.settings}.items()}
        values |= {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        values |= {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **variables}
        return subprocess.Popen(
            [sys.executable, "-m", self.NAME, *arguments],
            env={name: str(value) for name, value in values.items() if value is not None},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def command(self, *arguments: str, **variables: str | None) -> "Finished":
        """The command line, run to its end."""
        return finished(self.start(*arguments, **variables))

    def backfill(self, first: date, last: date) -> int:
        """One backfill; returns the exit code."""
        return self.run(lambda context: type(self).BACKFILL(context, first, last), mode="backfill")

    def rows(self, sql: str) -> list[tuple]:
        """Rows of a query."""
        return [tuple(row) for row in self.client.query(sql).result_rows]

    def one(self, sql: str) -> Any:
        """The only value of a query."""
        return self.rows(sql)[0][0]

    def last_run(self, *columns: str) -> tuple:
        """Columns of the row the last run left in meta.etl_runs."""
        (run_id,) = self.latest
        return self.rows(f"SELECT {', '.join(columns)} FROM meta.etl_runs WHERE run_id = '{run_id}'")[0]  # noqa: S608

    def _run_ids(self) -> set[str]:
        return {row[0] for row in self.rows("SELECT toString(run_id) FROM meta.etl_runs")}


@dataclass(frozen=True)
class Finished:
    """A process that ended: its exit code, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        """The last of them: a run's answer."""
        return self.lines[-1]


def finished(process: subprocess.Popen[str]) -> Finished:
    """Wait for a process to end."""
    out, err = process.communicate(timeout=120)
    return Finished(process.returncode, out, err)
