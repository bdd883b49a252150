"""A loader as an operator runs it, without a container around it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Self

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
