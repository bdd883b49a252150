"""Reads from the warehouse what attribution believes: aliases, events, orders that carry an ad's id."""

from __future__ import annotations

import structlog

from zakaz_common.attribution.rules import CityBook, Event
from zakaz_common.city_directory import read_city_directory
from zakaz_common.errors import ConfigError
from zakaz_common.warehouse import Warehouse

log = structlog.get_logger()


def read_city_book(warehouse: Warehouse) -> CityBook:
    """The city book of this moment.

    Without the right to read orders, their evidence is left out, and the log says so.
    """
    shows = ", ".join(f"toDate({moment}, 'Europe/Moscow')" for moment in ("first_show_at", "last_show_at"))
    events = {
        int(event_id): Event(str(city), tuple(sorted({day for day in (first, last) if day})))
        for event_id, city, first, last in warehouse.query(
            f"SELECT event_id, city, {shows} FROM {warehouse.name('dim_events')} FINAL"  # noqa: S608
        )
    }
    return CityBook(read_city_directory(warehouse), events, _orders_by_ad(warehouse))


def _orders_by_ad(warehouse: Warehouse) -> dict[int, dict[str, dict[int, int]]]:
    try:
        rows = warehouse.query(
            "SELECT toUInt64OrZero(utm_content) AS ad_id, utm_source, event_id, count() "  # noqa: S608
            f"FROM {warehouse.name('stg_qtickets_orders')} FINAL "
            "WHERE is_paid AND utm_content != '' AND ad_id > 0 GROUP BY ad_id, utm_source, event_id"
        )
    except ConfigError as error:
        log.warning("orders_not_used_for_attribution", cause=str(error))
        return {}
    found: dict[int, dict[str, dict[int, int]]] = {}
    for ad_id, source, event_id, orders in rows:
        found.setdefault(int(ad_id), {}).setdefault(str(source), {})[int(event_id)] = int(orders)
    return found
