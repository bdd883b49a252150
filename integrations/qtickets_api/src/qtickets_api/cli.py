"""The command line of the Qtickets loader."""

from zakaz_common.cli import LoaderSpec, make_app
from zakaz_common.deadline import Deadline

from qtickets_api import LOADER, __version__, load
from qtickets_api.client import QticketsClient
from qtickets_api.dry_run import dry_run
from qtickets_api.settings import QticketsSettings


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
        "meta.etl_runs",
        "meta.watermarks",
        "meta.rejected_records",
    ),
)

app = make_app(SPEC)
