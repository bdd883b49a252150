"""One block of ClickHouse's Native format, made of columns of Python values.

The driver converts each Decimal by way of text, which costs more than all the rest of a load; here a column is one
array. The format: number of columns and rows, then for each column its name, its type and its values, all of them.
Source: ClickHouse documentation, "Native" format; integers little-endian, lengths as LEB128.
"""

import struct
import sys
from array import array
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

_EPOCH = date(1970, 1, 1).toordinal()
_INTEGERS = {
    "UInt8": "B", "UInt16": "H", "UInt32": "I", "UInt64": "Q", "Int8": "b", "Int16": "h", "Int32": "i", "Int64": "q",
}  # fmt: skip
Encoder = Callable[[Sequence[Any]], bytes]


class BlockError(ValueError):
    """A value does not fit its column; the text names the column, never the value."""


def encode_block(
    names: Sequence[str], types: Sequence[str], columns: Sequence[Sequence[Any]], scaled: Collection[str] = ()
) -> bytes:
    """A block of `columns`, each a sequence of the same length.

    Parameters: `types` are those of the table's columns; `scaled` names Decimal columns whose values are integers of
    the last decimal already: kopecks for Decimal(18, 2). Dates may be given as days, moments as seconds, from 1970.
    Raises BlockError for a value that does not fit, and for a type this writer does not know.
    """
    parts = [_length(len(names)), _length(len(columns[0]))]
    for name, kind, values in zip(names, types, columns, strict=True):
        kind = _sent_as(kind)
        try:
            body = _encoder(kind, name in scaled)(values)
        except (TypeError, ValueError, OverflowError, AttributeError, ArithmeticError, struct.error):
            raise BlockError(f"a value does not fit column {name} ({kind})") from None
        parts += (_text(name), _text(kind), body)
    return b"".join(parts)


def _sent_as(kind: str) -> str:
    """The server casts plain strings into LowCardinality by itself."""
    return kind[len("LowCardinality(") : -1] if kind.startswith("LowCardinality(") else kind


def _encoder(kind: str, scaled: bool) -> Encoder:
    if kind.startswith("Nullable("):
        inner = kind[len("Nullable(") : -1]
        plain, blank = _encoder(inner, scaled), _blank(inner, scaled)

        def nullable(values: Sequence[Any]) -> bytes:
            mask = bytes([value is None for value in values])
            return mask + plain([blank if value is None else value for value in values] if 1 in mask else values)

        return nullable
    if kind in _INTEGERS:
        return lambda values: _array(_INTEGERS[kind], values)
    if kind == "String":
        return _strings
    if kind == "Date":
        return _dates
    if kind == "DateTime" or kind.startswith("DateTime("):
        return _moments
    if kind == "UUID":
        return lambda values: b"".join(_uuid(value) for value in values)
    if kind.startswith("Decimal("):
        precision, scale = (int(part) for part in kind[len("Decimal(") : -1].split(","))
        if precision <= 18:
            code = "i" if precision <= 9 else "q"
            return (lambda values: _array(code, values)) if scaled else (lambda values: _decimals(code, scale, values))
    raise BlockError(f"type {kind} is not written here")


def _blank(kind: str, scaled: bool) -> Any:
    if kind == "String":
        return ""
    if kind == "UUID":
        return UUID(int=0)
    return Decimal(0) if kind.startswith("Decimal(") and not scaled else 0


def _array(code: str, values: Sequence[Any]) -> bytes:
    packed = array(code, values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _dates(values: Sequence[Any]) -> bytes:
    return _numbers("H", values, lambda day: day.toordinal() - _EPOCH)


def _moments(values: Sequence[Any]) -> bytes:
    return _numbers("I", values, _seconds)


def _numbers(code: str, values: Sequence[Any], number: Callable[[Any], int]) -> bytes:
    """Values that may be numbers already, all or some: the blanks of a nullable column are."""
    try:
        return _array(code, values)
    except TypeError:
        return _array(code, [value if type(value) is int else number(value) for value in values])


def _seconds(value: datetime) -> int:
    if value.tzinfo is None:
        raise ValueError("a datetime without a zone")
    return int(value.timestamp())


def _decimals(code: str, scale: int, values: Sequence[Any]) -> bytes:
    step = Decimal(1).scaleb(-scale)
    found = []
    for value in values:
        exact = Decimal(value) if type(value) is int else value
        if exact.quantize(step) != exact:
            raise ValueError("more decimals than the column has")
        found.append(int(exact.scaleb(scale)))
    return _array(code, found)


def _strings(values: Sequence[Any]) -> bytes:
    return b"".join(map(_text, values))


@lru_cache(maxsize=16_384)  # currencies, UTM values and names repeat
def _text(value: str) -> bytes:
    data = value.encode()
    return _length(len(data)) + data


def _length(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _uuid(value: UUID) -> bytes:
    """Two little-endian halves, the high one first."""
    return struct.pack("<QQ", value.int >> 64, value.int & (2**64 - 1))
