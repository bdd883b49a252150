# ruff: noqa: E501 - statements read better whole
"""How long bi.v_marketing_roi_daily takes over 20 million orders and 3 years, by days asked for.

Staging is filled with generated orders and tickets, the sales mart is computed from it by its loader's own
query, the ads mart is filled for 2,000 ads. The last three days are then recomputed 48 times, as half-hourly runs
of a day leave them, so that FINAL has versions to choose from.

Run from the repository root, after scripts/make_test_engines.sh:

    .venv/bin/python bench/schema_views.py [--engine 26.3] [--orders 20000000]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# run from a checkout, nothing is installed: hence the imports below this line
sys.path[:0] = [str(ROOT), str(ROOT / "module_utils"), str(ROOT / "plugins")]

from zakaz_schema.converge import Options, converge  # noqa: E402

from tests.schema.engines import Engine  # noqa: E402
from tests.schema.rendering import declared_schema  # noqa: E402
from tests.schema.test_truth import loaders_sales_query  # noqa: E402

DAYS, EVENTS, ADS, CITIES = 1096, 1200, 2000, 40
FIRST = "toDate('2023-11-20')"
COLUMNS = "d, event_id, currency, city, tickets_sold, orders, revenue, refunded_amount"
ADS_COLUMNS = "d, source, account, ad_id, city, impressions, clicks, spend, currency"


def fill(engine: Engine, orders: int) -> None:
    """Staging, dimensions and marts."""
    engine.execute(
        f"INSERT INTO zakaz.dim_events (event_id, name, city, _ver) SELECT number, concat('event ', toString(number)), "
        f"concat('город ', toString(number % {CITIES})), 1 FROM numbers({EVENTS})"
    )
    step = min(orders, 2_000_000)
    for start in range(0, orders, step):
        # an event sells for about 90 days around its own place in the three years
        event = f"(number * 7919) % {EVENTS}"
        day = f"{FIRST} + least({DAYS - 1}, intDiv(({event}) * {DAYS - 90}, {EVENTS}) + cityHash64(number) % 90)"
        source = f"FROM numbers({start}, {min(step, orders - start)})"
        engine.execute(
            "INSERT INTO zakaz.stg_qtickets_orders (order_id, event_id, is_paid, created_at, updated_at, price, currency, _ver) "
            f"SELECT number, {event}, 1, toDateTime({day}, 'Europe/Moscow') AS at, at, "
            f"toDecimal64(500 + number % 4500, 2), 'RUB', 1 {source}"
        )
        engine.execute(
            "INSERT INTO zakaz.stg_qtickets_tickets (order_id, ticket_id, event_id, show_id, is_paid, sale_date, price, "
            f"is_sold, net_revenue, currency, updated_at, _ver) SELECT number, 1, {event} AS event, event, 1, {day} AS day, "
            "toDecimal64(500 + number % 4500, 2) AS price, 1, price, 'RUB', toDateTime(day, 'Europe/Moscow'), 1 "
            f"{source}"
        )
    query = loaders_sales_query()
    engine.execute(f"INSERT INTO zakaz.dm_sales_daily ({COLUMNS}, _ver) SELECT {COLUMNS}, 1 FROM ({query})")
    engine.execute(
        f"INSERT INTO zakaz.dm_ads_daily ({ADS_COLUMNS}, _ver) "
        f"SELECT {FIRST} + intDiv(number, {ADS}), 'bench', 'a', toString(number % {ADS}), "
        f"concat('город ', toString(number % {CITIES})), number % 9000, number % 90, toDecimal64(number % 3000, 2) / 10, "
        f"'RUB', 1 FROM numbers({DAYS * ADS})"
    )
    for version in range(2, 50):
        for table, columns in (
            ("dm_sales_daily", COLUMNS),
            ("dm_ads_daily", ADS_COLUMNS),
        ):
            engine.execute(
                f"INSERT INTO zakaz.{table} ({columns}, _ver) SELECT {columns}, {version} FROM zakaz.{table} FINAL "
                f"WHERE d >= {FIRST} + {DAYS - 3}"
            )


def measured(engine: Engine, sql: str, rounds: int) -> tuple[float, int]:
    """(median seconds, rows read)."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        engine.execute(f"{sql} FORMAT Null")
        times.append(time.perf_counter() - started)
    return statistics.median(times), len(engine.rows(sql))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="26.3")
    parser.add_argument("--orders", type=int, default=20_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    engine = Engine(options.engine)
    try:
        converge(declared_schema(), engine, engine.replay, Options())
        started = time.perf_counter()
        fill(engine, options.orders)
        print(f"filled in {time.perf_counter() - started:.0f} s", file=sys.stderr)
        sizes = engine.rows(
            "SELECT table, sum(rows) AS n FROM system.parts WHERE active AND database = 'zakaz' GROUP BY table ORDER BY n DESC"
        )
        version = engine.value("SELECT version() AS v")
        print(f"engine {version}, {options.orders} orders, {os.cpu_count()} cores, median of {options.rounds}; rows: "
              + ", ".join(f"{row['table']} {row['n']}" for row in sizes[:5]) + "\n")  # fmt: skip
        print("| range | bi.v_marketing_roi_daily, ms | rows | bi.v_sales_daily, ms | bi.v_ads_daily, ms |")
        print("|---|---|---|---|---|")
        end = f"({FIRST} + {DAYS - 1})"
        for label, days, last in (
            ("last day", 1, end),
            ("last 30 days", 30, end),
            ("30 days two years ago", 30, f"({FIRST} + 365)"),
            ("last 90 days", 90, end),
            ("last 365 days", 365, end),
            ("all 3 years", DAYS, end),
        ):
            where = f"WHERE d > {last} - {days} AND d <= {last}"
            cells = []
            for view in ("v_marketing_roi_daily", "v_sales_daily", "v_ads_daily"):
                cells.append(measured(engine, f"SELECT * FROM bi.{view} {where}", options.rounds))
            roi, sales, ads = cells
            print(f"| {label} | {roi[0] * 1000:.0f} | {roi[1]} | {sales[0] * 1000:.0f} | {ads[0] * 1000:.0f} |")
    finally:
        engine.close()


if __name__ == "__main__":
    main()
