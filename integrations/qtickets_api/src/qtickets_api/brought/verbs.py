"""The verbs that load what people bring: each explains its files, or loads them whole."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer
from zakaz_common.cli import LoaderSpec, settings_or_exit
from zakaz_common.errors import LoaderError
from zakaz_common.run import RunContext, run_loader
from zakaz_common.run_log import configure_logs

from qtickets_api.brought.city_aliases import import_city_aliases, read_aliases
from qtickets_api.brought.plan import import_plan, read_plan
from qtickets_api.brought.sheets import read_sheets
from qtickets_api.brought.sheets_import import import_sheets
from qtickets_api.brought.tables.explanation import explain
from qtickets_api.brought.tables.numbers import DECIMAL_SIGNS
from qtickets_api.brought.tables.reader import TableFile, refuse_errors

log = structlog.get_logger()

_CITIES = ", unless the aliases in the warehouse make two of its cities one or lead them in a circle"


class DecimalSign(StrEnum):
    """Which sign is decimal where a column's cells leave it open."""

    POINT = "point"
    COMMA = "comma"


Explain = Annotated[bool, typer.Option("--explain", help="Print what each column would be read as; write nothing.")]
Decimal = Annotated[
    DecimalSign | None, typer.Option("--decimal", help="The decimal sign of columns whose cells leave it open.")
]


def add_import_verbs(app: typer.Typer, spec: LoaderSpec) -> None:
    """Add import-sheets, import-plan and import-city-aliases to the command line of a loader."""

    def load(work: Callable[[RunContext], None]) -> None:
        settings = settings_or_exit(spec, mode="import")
        # an import by hand, right or wrong, says nothing of the scheduled runs, which the metrics are about
        code = run_loader(spec.name, settings, work, mode="import", version=spec.version, metrics=False)
        raise typer.Exit(code)

    @app.command("import-sheets")
    def import_sheets_command(
        directory: Annotated[Path, typer.Option("--dir", help="Directory with events.csv, inventory.csv, sales.csv.")],
        explain_only: Explain = False,
        decimal: Decimal = None,
    ) -> None:
        """Import CSV exports of the organiser's Google Sheets."""
        sign = _sign(decimal)
        if explain_only:
            _explain(spec, lambda: read_sheets(directory, sign))
        load(lambda context: import_sheets(context, directory, sign))

    @app.command("import-plan")
    def import_plan_command(
        file: Annotated[Path, typer.Option("--file", help="CSV of month, city, tickets, revenue.")],
        explain_only: Explain = False,
        decimal: Decimal = None,
    ) -> None:
        """Replace the plan of sales of the months that a file names."""
        sign = _sign(decimal)
        if explain_only:
            _explain(spec, lambda: read_plan(file, sign), _CITIES)
        load(lambda context: import_plan(context, file, sign))

    @app.command("import-city-aliases")
    def import_city_aliases_command(
        file: Annotated[Path, typer.Option("--file", help="CSV of alias, city and, if you like, city_name.")],
        explain_only: Explain = False,
    ) -> None:
        """Make the operator's own spellings of cities equal to a file."""
        if explain_only:
            _explain(spec, lambda: read_aliases(file), _CITIES)
        load(lambda context: import_city_aliases(context, file))


def _sign(decimal: DecimalSign | None) -> str:
    return DECIMAL_SIGNS[decimal.value] if decimal else ""


def _explain(spec: LoaderSpec, read: Callable[[], list[TableFile]], unless: str = "") -> None:
    """Print what the files are read as, and end: 0 if they can be loaded, else what a load would end with.

    `unless` names what only a load can find, because it needs the warehouse.
    """
    configure_logs("info", spec.name)
    try:
        files = read()
        for line in explain(files):
            typer.echo(line)
        refuse_errors(files)
    except LoaderError as error:
        log.error("run_failed", status="failed", mode="explain", exit_code=error.exit_code, error=str(error))
        raise typer.Exit(error.exit_code) from None
    typer.echo(f"Nothing was written; without --explain this is what is loaded{unless}.")
    raise typer.Exit(0)
