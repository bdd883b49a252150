# ruff: noqa: E501 - statements read better whole
"""How long a backup, its drill and a restore onto an empty server take for 20 million rows.

The schema is the deployment's; half of the rows are orders, half tickets, with amounts, times and marks that compress no
better than real ones. Live server and throw-away server of the drill are embedded engines on this machine; what the
program does between them is what it does on a host, but for Docker's copying in and out of containers.

Run from the repository root, where about 10 GB of disk are free:

    .venv/bin/python bench/restore_time.py [--rows 20000000]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# run from a checkout, nothing is installed: hence the imports below this line
sys.path[:0] = [
    str(ROOT),
    *(str(ROOT / part) for part in ("module_utils", "roles/backup/files", "packages/zakaz_common/src")),
]

from zakaz_backup.restore import Request  # noqa: E402
from zakaz_backup.settings import Settings  # noqa: E402
from zakaz_backup.store import MARKER  # noqa: E402
from zakaz_clickhouse.connection import HttpConnection, rows  # noqa: E402

from tests.backup.conftest import LocalFolder, Site, empty  # noqa: E402
from tests.modules.clickhouse_server import PASSWORD, Server  # noqa: E402
from tests.schema.rendering import declared_schema  # noqa: E402

HOUR = 3600
DATABASES = ("zakaz", "bi", "meta")
STEP = 1_000_000
# an order is random where a real one is: when it was made, what it cost, where its buyer came from, its hash
ORDERS = """
INSERT INTO zakaz.stg_qtickets_orders (order_id, event_id, is_paid, paid_at, created_at, updated_at, price, original_price,
    currency, payment_type_id, promo_code_id, utm_source, utm_medium, utm_campaign, utm_content, _row_hash, _ver)
SELECT number, cityHash64(number, 'event') % 1200, 1, created_at + cityHash64(number, 'paid') % 900,
    toDateTime('2023-11-20', 'Europe/Moscow') + intDiv(number * 94608, 10000) + cityHash64(number, 'at') % 86400 AS created_at,
    created_at + cityHash64(number, 'updated') % 86400, toDecimal64(100 + cityHash64(number, 'price') % 9900, 2) AS amount, amount, 'RUB',
    cityHash64(number, 'payment') % 5, if(number % 9 = 0, cityHash64(number, 'promo') % 3000, NULL),
    ['vk', 'yandex', 'telegram', ''][cityHash64(number, 'source') % 4 + 1], ['cpc', 'post', ''][cityHash64(number, 'medium') % 3 + 1],
    concat('campaign-', toString(cityHash64(number, 'campaign') % 700)), toString(cityHash64(number, 'content') % 90000),
    cityHash64(number, 'hash'), 1700000000000 + number
FROM numbers({start}, {count})
"""
TICKETS = """
INSERT INTO zakaz.stg_qtickets_tickets (order_id, ticket_id, event_id, show_id, is_paid, sale_date, price, original_price,
    discount_value, service_fee, is_sold, net_revenue, currency, updated_at, _row_hash, _ver)
SELECT number, cityHash64(number, 'ticket') % 100000000, cityHash64(number, 'event') % 1200,
    cityHash64(number, 'show') % 5000, 1, toDate('2023-11-20') + cityHash64(number, 'day') % 1096,
    toDecimal64(100 + cityHash64(number, 'price') % 9900, 2) AS amount, amount, 0, amount / 20, 1, amount, 'RUB',
    toDateTime('2023-11-20', 'Europe/Moscow') + cityHash64(number, 'updated') % 94608000, cityHash64(number, 'hash of it'),
    1700000000000 + number
FROM numbers({start}, {count})
"""


def settings(folder: Path) -> Settings:
    """As the role writes them, without encryption, a bucket or a container."""
    backups = folder / "backups"
    (folder / "clickhouse").mkdir()
    backups.mkdir()
    (backups / MARKER).touch()
    return Settings(
        project="zakaz", commit="unknown", folder=backups, databases=DATABASES, host="127.0.0.1", port=0,
        username="admin", password=PASSWORD, timeout=HOUR, container="none", zakaz_dir=folder,
        config_dir=folder / "clickhouse", state_volumes={}, drill_memory="4g", start_timeout=60, keep_daily=7,
        keep_weekly=4, reserve_bytes=0, age_recipient="", age_identity="", s3=None, metrics_file="",
    )  # fmt: skip


def fill(connection: HttpConnection, orders: int) -> None:
    """Orders, each with one ticket, in blocks as loaders send them."""
    for start in range(0, orders, STEP):
        for statement in (ORDERS, TICKETS):
            connection.execute(statement.format(start=start, count=min(STEP, orders - start)))


def timed(what: Callable[[], Any]) -> tuple[float, Any]:
    """(seconds, result)."""
    started = time.perf_counter()
    result = what()
    return time.perf_counter() - started, result


def counts(connection: HttpConnection) -> dict[str, str]:
    """Rows and revenue a reader sees."""
    return rows(
        connection,
        "SELECT (SELECT toString(count()) FROM zakaz.stg_qtickets_orders) AS c_orders, "
        "(SELECT toString(sum(net_revenue)) FROM zakaz.stg_qtickets_tickets) AS c_revenue, "
        "(SELECT toString(sum(_row_hash)) FROM zakaz.stg_qtickets_orders) AS c_hashes",
    )[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000, help="orders and tickets together")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zakaz-bench-") as scratch:
        servers, sides = [], []
        try:
            for name in ("live", "spare"):
                servers.append(Server(Path(scratch, name)))
                connection = HttpConnection("127.0.0.1", servers[-1].port, "admin", PASSWORD, timeout=HOUR)
                sides.append((connection, LocalFolder(Path(scratch, name, "backups"))))
            (live, folder), (spare, spare_folder) = sides
            site = Site(settings(Path(scratch)), live, folder, spare, spare_folder)
            for statement in declared_schema():
                live.execute(statement.sql)
            fill(live, options.rows // 2)
            before = counts(live)
            backup_seconds, made = timed(site.backup)
            drill_seconds, verdict = timed(lambda: site.drill(made.name))
            if not verdict.passed:
                print(f"The drill failed: {verdict.reason}", file=sys.stderr)
                return 1
            empty(live)
            restore_seconds, _ = timed(lambda: site.restore(made.name, Request()))
            if counts(live) != before:
                print(f"{counts(live)} was restored instead of {before}.", file=sys.stderr)
                return 1
            print(f"engine {made.engine_version}, {os.cpu_count()} cores")
            print("| rows | tables | backup, GB | backup, s | drill, s | restore onto an empty server, s |")
            print("|---|---|---|---|---|---|")
            seconds = " | ".join(f"{number:.0f}" for number in (backup_seconds, drill_seconds, restore_seconds))
            print(f"| {made.rows:,} | {made.tables} | {made.bytes / 1e9:.2f} | {seconds} |")
            return 0
        finally:
            for server in servers:
                server.stop()


if __name__ == "__main__":
    sys.exit(main())
