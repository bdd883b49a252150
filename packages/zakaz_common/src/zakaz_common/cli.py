"""The verbs every loader has: run, dry-run, backfill, check, status."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

import structlog
import typer

from zakaz_common.deadline import Deadline
from zakaz_common.errors import EXIT_OK, ConfigError, LoaderError
from zakaz_common.memory import quiet_collector
from zakaz_common.run import RunContext, run_loader
from zakaz_common.run_log import configure_logs
from zakaz_common.settings import CommonSettings, load_settings
from zakaz_common.warehouse import Warehouse

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LoaderSpec:
    """What makes one loader different from another.

    `env_prefix` is the prefix of its own variables; `run`, `dry_run` and `backfill` do the work of a verb;
    `check_api` asks the API one read-only question and returns what it found, or raises a LoaderError;
    `tables` are those the loader reads and writes, for `check`.
    """

    name: str
    version: str
    settings: type[CommonSettings]
    env_prefix: str
    run: Callable[[RunContext], None]
    dry_run: Callable[[RunContext], None]
    backfill: Callable[[RunContext, date, date], None]
    check_api: Callable[[Any, Deadline], str]
    tables: tuple[str, ...]


def settings_or_exit(spec: LoaderSpec, *, dry_run: bool = False, mode: str = "run") -> Any:
    """The loader's settings with logs configured.

    A wrong setting ends the process with 78 and one sentence.
    """
    configure_logs("info", spec.name)
    try:
        settings = load_settings(spec.settings, own_prefix=spec.env_prefix, dry_run=dry_run)
    except ConfigError as error:
        log.error(
            "run_failed",
            loader=spec.name,
            status="failed",
            dry_run=dry_run,
            mode=mode,
            rows_read=0,
            rows_written=0,
            rows_rejected=0,
            duration_s=0.0,
            exit_code=error.exit_code,
            error=str(error),
        )
        raise typer.Exit(error.exit_code) from None
    configure_logs(settings.loader_log_level, spec.name)
    return settings


def make_app(spec: LoaderSpec) -> typer.Typer:
    """The command line of a loader. More commands may be added to the app returned."""
    app = typer.Typer(
        help=f"{spec.name}: loads its API into the warehouse.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    def dry() -> int:
        settings = settings_or_exit(spec, dry_run=True)
        log.info(
            "dry_run",
            message="dry run in stub mode: bundled fixtures are read, no network is used, nothing is written",
        )
        return run_loader(spec.name, settings, spec.dry_run, dry_run=True, version=spec.version)

    @app.command()
    def run(
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Bundled fixtures, no network, no writes.")] = False,
    ) -> None:
        """Load what changed since the last run."""
        if dry_run:
            raise typer.Exit(dry())
        settings = settings_or_exit(spec)
        raise typer.Exit(run_loader(spec.name, settings, spec.run, version=spec.version))

    @app.command("dry-run")
    def dry_run_command() -> None:
        """Process bundled fixtures: no network, no writes."""
        raise typer.Exit(dry())

    @app.command()
    def backfill(
        first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First Moscow day.")],
        last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last Moscow day, included.")],
    ) -> None:
        """Load a range of days again, whatever the watermark says."""
        settings = settings_or_exit(spec, mode="backfill")
        if first > last:
            log.error("run_failed", status="failed", exit_code=78, error="--from must not be after --to")
            raise typer.Exit(78)
        work = spec.backfill

        def bounded(context: RunContext) -> None:
            work(context, first.date(), last.date())

        raise typer.Exit(run_loader(spec.name, settings, bounded, mode="backfill", version=spec.version))

    @app.command()
    def check() -> None:
        """Ask ClickHouse and the API whether they answer and the credentials are right. Reads only."""
        settings = settings_or_exit(spec, mode="check")
        deadline = Deadline(60)
        worst = EXIT_OK
        for what, ask in (
            ("clickhouse", lambda: _check_warehouse(spec, settings, deadline)),
            ("api", lambda: spec.check_api(settings, deadline)),
        ):
            try:
                log.info("check", what=what, ok=True, found=ask())
            except LoaderError as error:
                worst = max(worst, error.exit_code)
                log.error("check", what=what, ok=False, error=str(error), exit_code=error.exit_code)
        raise typer.Exit(worst)

    @app.command()
    def status() -> None:
        """Show the watermarks and the last runs."""
        settings = settings_or_exit(spec, mode="status")
        warehouse = Warehouse.from_settings(settings, Deadline(30), f"zakaz {spec.name} status")
        try:
            _print_status(warehouse, spec.name)
        except LoaderError as error:
            log.error("status", error=str(error), exit_code=error.exit_code)
            raise typer.Exit(error.exit_code) from None

    quiet_collector()
    return app


def _check_warehouse(spec: LoaderSpec, settings: CommonSettings, deadline: Deadline) -> str:
    warehouse = Warehouse.from_settings(settings, deadline, f"zakaz {spec.name} check")
    warehouse.retry_seconds = 5
    version = warehouse.query("SELECT version()")[0][0]
    for table in spec.tables:
        warehouse.query(f"SELECT 1 FROM {warehouse.name(table)} LIMIT 0")  # noqa: S608
    warehouse.close()
    return f"version {version}, {len(spec.tables)} tables readable"


def _print_status(warehouse: Warehouse, loader: str) -> None:
    marks = warehouse.query(
        "SELECT dataset, toString(max(watermark)) FROM meta.watermarks WHERE loader = {l:String} "
        "GROUP BY dataset ORDER BY dataset",
        {"l": loader},
    )
    runs = warehouse.query(
        "SELECT toString(started_at), mode, status, exit_code, rows_read, rows_written, rows_rejected, error "
        "FROM meta.etl_runs WHERE loader = {l:String} ORDER BY started_at DESC LIMIT 10",
        {"l": loader},
    )
    if not sys.stdout.isatty():
        for dataset, mark in marks:
            log.info("watermark", dataset=dataset, watermark=mark)
        names = (
            "started_at",
            "mode",
            "status",
            "exit_code",
            "rows_read",
            "rows_written",
            "rows_rejected",
            "error",
        )
        for run in runs:
            log.info("past_run", **dict(zip(names, run, strict=True)))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"{loader}: watermarks (Moscow)")
    for column in ("dataset", "watermark"):
        table.add_column(column)
    for mark_row in marks:
        table.add_row(*map(str, mark_row))
    console.print(table)
    table = Table(title=f"{loader}: last runs (Moscow)")
    for column in ("started", "mode", "status", "exit", "read", "written", "rejected", "error"):
        table.add_column(column)
    for run in runs:
        table.add_row(*map(str, run))
    console.print(table)
