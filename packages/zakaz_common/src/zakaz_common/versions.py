"""The version of a row (`_ver`): which of two states of a record counts. One meaning: the later read wins.

A read's number is made from the clock and lies above every version the table holds, so a clock that went back does
not make new states lose. Where one read sees a record once, the number is the version (`next_version`).

Where a page may come twice within one read, and late, the newer of the record's own times wins there, and of equal
ones the later page. Both stand in one number: the read in the upper 32 bits, the record's own time in the lower ones
(`next_scan`, `version_of`). The record's own time alone would not do: a source may set it back, or leave it out, after
a refund.
"""

import time
from datetime import datetime

from zakaz_common.warehouse import Warehouse

_OWN_BITS = 32


def next_version(warehouse: Warehouse, table: str) -> int:
    """The version of all rows of a write that begins now: this host's clock in milliseconds, above all there are."""
    return max(_highest(warehouse, table) + 1, time.time_ns() // 1_000_000)


def next_scan(warehouse: Warehouse, table: str, server_time: datetime) -> int:
    """The number of a read that begins now: the API's clock in seconds, above every read the table knows.

    Rows of releases before this rule carry seconds alone as their version, which are below every read.
    """
    return max(int(server_time.timestamp()), (_highest(warehouse, table) >> _OWN_BITS) + 1)


def version_of(scan: int, updated_at: int | None) -> int:
    """The version of a record read by `scan`; one without a readable time counts as changed just now."""
    return scan << _OWN_BITS | (scan if updated_at is None else updated_at)


def _highest(warehouse: Warehouse, table: str) -> int:
    return int(warehouse.query(f"SELECT max(_ver) FROM {warehouse.name(table)}")[0][0])  # noqa: S608 - a checked name
