"""The version of a row (`_ver`): which of two states of a record counts. One meaning: the later read wins.

A read's number is made from the clock and lies above every version the table holds, so a clock that went back does
not make new states lose. Where one read sees a record once, the number is the version (`next_version`).

Where a page may come twice within one read, and late, the newer of the record's own times wins there, and of equal
ones the later page. Both stand in one number: the read in the upper 32 bits, the record's own time in the lower ones
(`next_scan`, `version_of`). The record's own time alone would not do: a source may set it back, or leave it out, after
a refund.
"""

import time
from collections.abc import Sequence
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


def keep_versions(
    warehouse: Warehouse, source: str, target: str, columns: Sequence[str], *, id_column: str, account: str
) -> None:
    """Copy an account's rows whose version `target` does not have yet; a killed run's are copied by the next.

    Parameters: both tables have `account` and the columns named, `_ver` of `next_version` among them; `target` has
    `valid_from` besides, the moment of the version. `id_column` tells one row of an account from another.
    """
    source, target = warehouse.name(source), warehouse.name(target)
    names = ", ".join(columns)
    warehouse.command(
        f"INSERT INTO {target} ({names}, valid_from) "  # noqa: S608
        # A version is the moment of the run that made it, in milliseconds.
        f"SELECT {names}, fromUnixTimestamp64Milli(toInt64(_ver), 'Europe/Moscow') FROM {source} FINAL "
        f"WHERE account = {{account:String}} AND ({id_column}, _ver) NOT IN "
        f"(SELECT {id_column}, _ver FROM {target} WHERE account = {{account:String}})",
        {"account": account},
    )


def _highest(warehouse: Warehouse, table: str) -> int:
    return int(warehouse.query(f"SELECT max(_ver) FROM {warehouse.name(table)}")[0][0])  # noqa: S608 - a checked name
