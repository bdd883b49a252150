"""The version of a row: which of two states of a record counts.

The source may set `updated_at` back, or leave it out, after a refund; so the read that came later wins. Within one
read a page may come twice, and late: there the newer `updated_at` wins, and of equal ones the later page. Both
stand in one number: the read in the upper 32 bits, the record's own time in the lower ones.
"""

from datetime import datetime

from zakaz_common.warehouse import Warehouse

_OWN_BITS = 32


def next_scan(warehouse: Warehouse, table: str, server_time: datetime) -> int:
    """The number of a read that begins now: the API's clock in seconds, and above every read the table knows.

    A clock that went back must not make new states lose. Rows of releases before this rule carry seconds alone
    as their version, which are below every read.
    """
    highest = warehouse.query(f"SELECT max(_ver) FROM {warehouse.name(table)}")[0][0]  # noqa: S608 - a checked name
    return max(int(server_time.timestamp()), (int(highest) >> _OWN_BITS) + 1)


def version_of(scan: int, updated_at: int | None) -> int:
    """The version of a record read by `scan`; one without a readable time counts as changed just now."""
    return scan << _OWN_BITS | (scan if updated_at is None else updated_at)
