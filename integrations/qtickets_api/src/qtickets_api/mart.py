"""The dimension of events, the daily sales mart and the inventory: queries over staging.

An event the API knows is never taken from a sheet: sheets serve organisers whose sales are not in the API.
"""

from zakaz_common.city import UNATTRIBUTED
from zakaz_common.run import RunContext
from zakaz_common.warehouse import Warehouse

EVENT_VALUES = ("name", "city", "place_name", "first_show_at", "last_show_at", "is_active")
INVENTORY_VALUES = ("city", "tickets_total", "tickets_available", "tickets_sold", "taken_at")
SALES_KEYS = ("d", "event_id", "currency")
SALES_VALUES = ("city", "tickets_sold", "orders", "revenue", "refunded_amount")


def refresh_sales_and_events(context: RunContext) -> None:
    """Make dim_events and dm_sales_daily equal to staging.

    Raises DataError first when too much was rejected: figures never come from a read that is to be refused.
    """
    context.check_rejected_ratio()
    context.wrote("dim_events", refresh_events(context.warehouse))
    context.wrote("dm_sales_daily", refresh_sales(context.warehouse))


def refresh_all(context: RunContext) -> None:
    """Make them and the inventory equal to staging."""
    refresh_sales_and_events(context)
    context.wrote("fact_qtickets_inventory_latest", refresh_inventory(context.warehouse))


def refresh_events(warehouse: Warehouse) -> int:
    """Make dim_events equal to the events in staging; returns rows written."""
    name = warehouse.name
    return warehouse.reconcile(
        "dim_events",
        ("event_id",),
        EVENT_VALUES,
        f"""
        SELECT events.event_id AS event_id, events.name AS name, events.city AS city,
               events.place_name AS place_name, shows.first_show_at AS first_show_at,
               shows.last_show_at AS last_show_at, events.is_active AS is_active
        FROM {name("stg_qtickets_events")} AS events FINAL
        LEFT JOIN (
            SELECT event_id, min(starts_at) AS first_show_at,
                   -- an exhibition is one show of weeks or months: its last day is the one it closes on
                   max(if(finishes_at > starts_at + INTERVAL 1 DAY, finishes_at, starts_at)) AS last_show_at
            FROM {name("stg_qtickets_shows")} FINAL WHERE deleted_at IS NULL GROUP BY event_id
        ) AS shows ON shows.event_id = events.event_id
        UNION ALL
        SELECT event_id, name, city, place_name, toDateTime(event_date, 'Europe/Moscow') AS first_show_at,
               first_show_at AS last_show_at, 1 AS is_active
        FROM {name("stg_qtickets_sheets_events")} FINAL
        WHERE event_id NOT IN (SELECT event_id FROM {name("stg_qtickets_events")} FINAL)
        """,  # noqa: S608 - names come from settings that are checked to be identifiers
    )


def refresh_sales(warehouse: Warehouse) -> int:
    """Make dm_sales_daily equal to the tickets in staging, in one insert; returns rows written.

    Every day is compared and the ones that differ are written: a run that died between staging and mart is
    made good by the next one, though that finds nothing new in staging.
    """
    name = warehouse.name
    return warehouse.replace_mart_days(
        "dm_sales_daily",
        SALES_KEYS,
        SALES_VALUES,
        f"""
        SELECT sales.d AS d, sales.event_id AS event_id, sales.currency AS currency,
               if(events.city = '', '{UNATTRIBUTED}', events.city) AS city, sales.tickets_sold AS
               tickets_sold, sales.orders AS orders, sales.revenue AS revenue, sales.refunded_amount AS
               refunded_amount FROM ( SELECT sale_date AS d, event_id, currency, toInt64(sum(is_sold)) AS
               tickets_sold, uniqExactIf(order_id, is_sold = 1) AS orders, sum(net_revenue) AS revenue,
               sum(refunded_amount) AS refunded_amount FROM {name("stg_qtickets_tickets")} FINAL WHERE is_paid
               = 1 GROUP BY sale_date, event_id, currency HAVING tickets_sold != 0 OR revenue != 0 OR
               refunded_amount != 0 UNION ALL SELECT d, event_id, currency, tickets_sold, toUInt64(0) AS
               orders, revenue, refunded_amount FROM {name("stg_qtickets_sheets_sales")} FINAL WHERE event_id
               NOT IN (SELECT event_id FROM {name("stg_qtickets_events")} FINAL) ) AS sales LEFT ANY JOIN
               (SELECT event_id, city FROM {name("dim_events")} FINAL) AS events ON events.event_id =
               sales.event_id
        """,  # noqa: S608 - names come from settings that are checked to be identifiers
        days=None,
    )


def refresh_inventory(warehouse: Warehouse) -> int:
    """Make fact_qtickets_inventory_latest equal to the last snapshots; returns rows written.

    Sheets know no shows: the places of an event that only a sheet knows stand under show 0.
    """
    name = warehouse.name
    return warehouse.reconcile(
        "fact_qtickets_inventory_latest",
        ("event_id", "show_id"),
        INVENTORY_VALUES,
        f"""
        SELECT places.event_id AS event_id, places.show_id AS show_id,
               if(events.city = '', '{UNATTRIBUTED}', events.city) AS city, places.tickets_total AS tickets_total,
               places.tickets_available AS tickets_available, places.tickets_sold AS tickets_sold,
               places.taken_at AS taken_at
        FROM (
            SELECT event_id, show_id, tickets_total, tickets_available, tickets_sold, taken_at
            FROM {name("stg_qtickets_inventory")} FINAL
            UNION ALL
            SELECT sheet.event_id AS event_id, toUInt64(0) AS show_id, sum(sheet.tickets_total) AS tickets_total,
                   sum(sheet.tickets_available) AS tickets_available,
                   toUInt64(sum(greatest(toInt64(sheet.tickets_total) - toInt64(sheet.tickets_available), 0)))
                       AS tickets_sold,
                   max(sheet._loaded_at) AS taken_at
            FROM {name("stg_qtickets_sheets_inventory")} AS sheet FINAL
            WHERE sheet.event_id NOT IN (SELECT event_id FROM {name("stg_qtickets_events")} FINAL)
            GROUP BY sheet.event_id
        ) AS places
        LEFT ANY JOIN (SELECT event_id, city FROM {name("dim_events")} FINAL) AS events
            ON events.event_id = places.event_id
        """,  # noqa: S608 - names come from settings that are checked to be identifiers
    )
