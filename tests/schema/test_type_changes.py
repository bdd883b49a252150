"""How much a change of a column's type risks, without an engine: the table of what is lossless and what is not."""

from __future__ import annotations

import pytest
from zakaz_schema.type_changes import MUTATION, UNSAFE, lossy_rows, metadata_only, risk_of

LOSSLESS = [
    ("UInt8", "UInt16"),
    ("UInt32", "UInt32"),
    ("UInt8", "Int16"),
    ("UInt32", "Int64"),
    ("Int8", "Int256"),
    ("Decimal(18, 2)", "Decimal(20, 2)"),
    ("Decimal(18, 2)", "Decimal(20, 4)"),
    ("UInt8", "Decimal(5, 2)"),
    ("Int32", "Decimal(12, 2)"),
    ("UInt64", "String"),
    ("UUID", "String"),
    ("Enum8('a' = 1)", "String"),
    ("Float32", "Float64"),
    ("Date", "Date32"),
    ("Enum8('a' = 1)", "Enum8('a' = 1, 'b' = 2)"),
    ("Enum8('a' = 1)", "Enum16('a' = 1, 'b' = 300)"),
    ("DateTime('UTC')", "DateTime('Europe/Moscow')"),
    ("DateTime('UTC')", "DateTime64(3, 'UTC')"),
    ("DateTime64(3)", "DateTime64(6)"),
    ("String", "Nullable(String)"),
    ("String", "LowCardinality(String)"),
    ("LowCardinality(Nullable(String))", "Nullable(String)"),
    ("Int8", "Nullable(Int16)"),
]
LOSSY = [
    ("UInt16", "UInt8"),
    ("Int8", "UInt16"),
    ("UInt16", "Int16"),
    ("UInt64", "Int64"),
    ("Decimal(18, 4)", "Decimal(18, 2)"),
    # more digits after the point take them from before it
    ("Decimal(18, 2)", "Decimal(18, 4)"),
    ("Decimal(18, 2)", "Decimal(10, 2)"),
    ("Int64", "Decimal(18, 2)"),
    ("Float64", "Float32"),
    ("Float64", "String"),
    ("String", "UInt64"),
    ("Float64", "Decimal(18, 2)"),
    ("Date32", "Date"),
    ("Enum8('a' = 1, 'b' = 2)", "Enum8('a' = 1)"),
    ("Enum8('a' = 1)", "Enum8('a' = 2)"),
    ("Enum16('a' = 1)", "Enum8('a' = 1)"),
    ("DateTime64(6)", "DateTime64(3)"),
    ("DateTime64(3)", "DateTime"),
    ("Nullable(String)", "String"),
    ("LowCardinality(Nullable(String))", "LowCardinality(String)"),
    ("DateTime('UTC')", "Date"),
    ("Array(UInt8)", "String"),
]


@pytest.mark.parametrize(("old", "new"), LOSSLESS)
def test_what_holds_every_value_is_a_mutation(old, new):
    assert risk_of(old, new) == MUTATION


@pytest.mark.parametrize(("old", "new"), LOSSY)
def test_what_may_lose_a_value_is_unsafe(old, new):
    assert risk_of(old, new) == UNSAFE


@pytest.mark.parametrize(
    ("old", "new", "may"),
    [
        ("Enum8('a' = 1)", "Enum8('a' = 1, 'b' = 2)", True),
        ("Enum8('a' = 1)", "Enum16('a' = 1, 'b' = 2)", False),
        ("Enum8('a' = 1, 'b' = 2)", "Enum8('a' = 1)", False),
        ("DateTime('UTC')", "DateTime('Europe/Moscow')", True),
        ("DateTime64(3, 'UTC')", "DateTime64(3, 'Europe/Moscow')", True),
        ("DateTime64(3)", "DateTime64(6)", False),
        ("DateTime", "DateTime64(3)", False),
        ("UInt32", "UInt64", False),
    ],
)
def test_a_key_column_may_change_only_where_no_byte_does(old, new, may):
    assert metadata_only(old, new) is may


def test_rows_at_stake_are_those_that_would_change():
    assert lossy_rows("`c`", "Nullable(UInt8)", "UInt8") == "isNull(`c`)"
    narrower = lossy_rows("`c`", "UInt16", "UInt8")
    assert narrower.startswith("0 OR (isNotNull(`c`)")
    assert "accurateCastOrNull(`c`, 'UInt8')" in narrower
    both = lossy_rows("`c`", "Nullable(String)", "UInt8")
    assert both.startswith("isNull(`c`) OR ")
    assert "!= `c`" in both, "text is compared as it stands: '007' is not 7"
