"""Makes the dimension of events and the marts equal to staging, after an import changed either side of them."""

from zakaz_common.run import RunContext

from qtickets_api import marts


def refresh_marts(context: RunContext) -> None:
    """Make the dimension of events and the marts equal to staging."""
    context.wrote("dim_events", marts.refresh_events(context.warehouse))
    context.wrote("dm_sales_daily", marts.refresh_sales(context.warehouse))
    context.wrote("fact_qtickets_inventory_latest", marts.refresh_inventory(context.warehouse))
