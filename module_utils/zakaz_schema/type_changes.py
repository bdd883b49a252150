"""How much a change of a column's type risks.

Lossless by construction is a mutation: the engine rewrites the column. Everything else is
unsafe and is counted before it is done.
"""

from __future__ import annotations

import re

from .sql_tokens import split_commas

SAFE, MUTATION, UNSAFE, DESTRUCTIVE, REBUILD = "safe", "mutation", "unsafe", "destructive", "rebuild"
RISKS = (SAFE, MUTATION, UNSAFE, DESTRUCTIVE, REBUILD)

_INT = re.compile(r"^(U?)Int(8|16|32|64|128|256)$")
_DECIMAL = re.compile(r"^Decimal\((\d+), ?(\d+)\)$")
_ENUM = re.compile(r"^Enum(8|16)\((.*)\)$", re.DOTALL)
# decimal digits that surely fit
_INT_DIGITS = {"8": 3, "16": 5, "32": 10, "64": 20, "128": 39, "256": 78}
_PRINTED_EXACTLY = ("Int", "UInt", "UUID", "Enum", "FixedString", "IPv", "Bool")


def unwrapped(kind: str) -> tuple[str, bool, bool]:
    """(inner type, nullable, low cardinality)."""
    low = kind.startswith("LowCardinality(")
    if low:
        kind = kind[len("LowCardinality(") : -1]
    nullable = kind.startswith("Nullable(")
    if nullable:
        kind = kind[len("Nullable(") : -1]
    return kind, nullable, low


def risk_of(old: str, new: str) -> str:
    """``mutation`` when every value of ``old`` exists in ``new``, else ``unsafe``."""
    old_inner, old_nullable, _ = unwrapped(old)
    new_inner, new_nullable, _ = unwrapped(new)
    if old_nullable and not new_nullable:
        return UNSAFE
    return MUTATION if old_inner == new_inner or _widens(old_inner, new_inner) else UNSAFE


def _widens(old: str, new: str) -> bool:
    a, b = _INT.match(old), _INT.match(new)
    if a and b:
        if a[1] == b[1]:
            return int(b[2]) >= int(a[2])
        return a[1] == "U" and int(b[2]) > int(a[2])
    decimal, other = _DECIMAL.match(new), _DECIMAL.match(old)
    if decimal:
        whole, scale = int(decimal[1]) - int(decimal[2]), int(decimal[2])
        if other:
            return scale >= int(other[2]) and whole >= int(other[1]) - int(other[2])
        return a is not None and whole >= _INT_DIGITS[a[2]]
    if new == "String":
        return old.startswith(_PRINTED_EXACTLY)
    if (old, new) in (("Float32", "Float64"), ("Date", "Date32")):
        return True
    if old.startswith("Enum") and new.startswith("Enum"):
        return _enum_grows(old, new)
    if old.startswith("DateTime64") and new.startswith("DateTime64"):
        return _precision(new) >= _precision(old)
    if old.startswith("DateTime") and not old.startswith("DateTime64"):
        # the stored instant stays, only its zone or fraction changes
        return new.startswith("DateTime")
    return False


def _precision(kind: str) -> int:
    return int(re.sub(r"\D.*$", "", kind[len("DateTime64(") :]) or 3)


def _enum_grows(old: str, new: str) -> bool:
    a, b = _ENUM.match(old), _ENUM.match(new)
    return bool(a and b and int(b[1]) >= int(a[1]) and set(split_commas(a[2])) <= set(split_commas(b[2])))


def metadata_only(old: str, new: str) -> bool:
    """Whether even a key column may change so: an Enum that grows, another zone of a DateTime."""
    if old.startswith("Enum") and new.startswith("Enum") and old.split("(")[0] == new.split("(")[0]:
        return _enum_grows(old, new)
    plain = (old, new)
    return all(kind.startswith("DateTime") and not kind.startswith("DateTime64") for kind in plain) or (
        all(kind.startswith("DateTime64") for kind in plain) and _precision(old) == _precision(new)
    )


def lossy_rows(column: str, old: str, new: str) -> str:
    """A condition that is true for rows whose value the new type cannot hold unchanged.

    :param column: quoted column name.
    """
    old_inner, old_nullable, _ = unwrapped(old)
    new_inner, new_nullable, _ = unwrapped(new)
    missing = f"isNull({column})" if old_nullable and not new_nullable else "0"
    if old_inner == new_inner:
        return missing
    # accurateCastOrNull answers NULL for overflow and rubbish; the way back finds truncation
    there = f"accurateCastOrNull({column}, '{_escaped(new_inner)}')"
    back = f"toString(accurateCastOrNull({there}, '{_escaped(old_inner)}')) != toString({column})"
    if old_inner == "String":
        back = f"toString({there}) != {column}"
    return f"{missing} OR (isNotNull({column}) AND (isNull({there}) OR ({back})))"


def _escaped(kind: str) -> str:
    return kind.replace("\\", "\\\\").replace("'", "\\'")
