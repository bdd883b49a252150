"""A 64-bit content hash of a row: tells a changed row from an unchanged one."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from xxhash import xxh3_64_intdigest

_encode = msgspec.msgpack.Encoder(decimal_format="string").encode


def row_hashes(columns: Iterable[Sequence[Any]]) -> list[int]:
    """The hash of each row over its values in `columns`.

    Values are compared as written: give money with two decimals always, and datetimes in one zone.
    """
    return list(map(xxh3_64_intdigest, map(_encode, zip(*columns, strict=True))))
