"""The command line of the Qtickets loader."""

import structlog
import typer
from zakaz_common.cli import LoaderSpec, make_app, settings_or_exit
from zakaz_common.deadline import Deadline
from zakaz_common.errors import LoaderError

from qtickets_api import LOADER, __version__, load
from qtickets_api.brought.verbs import add_import_verbs
from qtickets_api.client import QticketsClient
from qtickets_api.dry_run import dry_run
from qtickets_api.settings import QticketsSettings
from qtickets_api.webhook.receiver import serve

log = structlog.get_logger()


def check_api(settings: QticketsSettings, deadline: Deadline) -> str:
    """Read the first page of events: the address, the token and the shape of the answer are right."""
    client = QticketsClient(settings, deadline)
    try:
        batch = next(iter(client.events()), None)
    finally:
        client.close()
    return f"{settings.qtickets_base_url} answers, {batch.total if batch else 0} events"


SPEC = LoaderSpec(
    name=LOADER,
    version=__version__,
    settings=QticketsSettings,
    env_prefix="QTICKETS_",
    run=load.run,
    dry_run=dry_run,
    backfill=load.backfill,
    check_api=check_api,
    tables=(
        "stg_qtickets_orders",
        "stg_qtickets_tickets",
        "stg_qtickets_events",
        "stg_qtickets_shows",
        "dim_events",
        "dim_city_alias",
        "dm_sales_daily",
        "plan_sales",
        "meta.etl_runs",
        "meta.watermarks",
        "meta.rejected_records",
    ),
)

app = make_app(SPEC)
add_import_verbs(app, SPEC)


@app.command()
def webhook() -> None:
    """Receive webhooks and read the orders they name again, until stopped."""
    settings = settings_or_exit(SPEC, mode="webhook")
    try:
        code = serve(settings)
    except LoaderError as error:
        log.error("run_failed", status="failed", mode="webhook", exit_code=error.exit_code, error=str(error))
        raise typer.Exit(error.exit_code) from None
    raise typer.Exit(code)
