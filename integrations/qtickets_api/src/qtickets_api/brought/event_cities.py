"""Cities of the events that staging holds, resolved anew after the aliases changed.

Loads resolve an event's city when they read it, and read it again only when it changes.
"""

from zakaz_common.city import UNATTRIBUTED, CityDirectory
from zakaz_common.run import RunContext

_TABLES = ("stg_qtickets_events", "stg_qtickets_sheets_events")


def resolve_events_again(context: RunContext, cities: CityDirectory) -> None:
    """Write the events whose city the aliases now lead elsewhere, under the version they have."""
    warehouse = context.warehouse
    for table in _TABLES:
        name = warehouse.name(table)
        kept = warehouse.query(f"SELECT DISTINCT city_raw, city FROM {name} FINAL")  # noqa: S608
        moved = sorted(
            {str(raw): new for raw, old in kept if (new := cities.resolve(str(raw)) or UNATTRIBUTED) != old}.items()
        )
        if not moved:
            continue
        raws, news = [raw for raw, _ in moved], [city for _, city in moved]
        bound = {"raws": raws, "news": news}
        resolved = "transform(kept.city_raw, {raws:Array(String)}, {news:Array(String)}, kept.city)"
        condition = f"kept.city != {resolved}"  # qualified: the SELECT below makes another `city`
        rows = int(warehouse.query(f"SELECT count() FROM {name} AS kept FINAL WHERE {condition}", bound)[0][0])  # noqa: S608
        # of equal versions the last written wins; the loads go on comparing content, in which the city is
        warehouse.command(
            f"INSERT INTO {name} SELECT * REPLACE ({resolved} AS city) FROM {name} AS kept FINAL WHERE {condition}",  # noqa: S608
            bound,
        )
        context.wrote(table, rows)
