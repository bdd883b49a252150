"""Blocks as the engine reads them back."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zakaz_common.errors import ConfigError, DataError
from zakaz_common.moscow import MOSCOW, moscow_day_number
from zakaz_common.native_block import BlockError, encode_block

RUN = UUID("01234567-89ab-cdef-fedc-ba9876543210")
TYPES = {
    "u8": "UInt8", "u64": "UInt64", "i64": "Int64", "text": "String", "low": "LowCardinality(String)", "day": "Date",
    "at": "DateTime('Europe/Moscow')", "money": "Decimal(18, 2)", "rate": "Decimal(5, 4)", "run": "UUID",
    "maybe_at": "Nullable(DateTime('Europe/Moscow'))", "maybe_id": "Nullable(UInt64)",
    "maybe_money": "Nullable(Decimal(18, 2))",
}  # fmt: skip
MOMENT = datetime(2026, 1, 31, 22, 30, tzinfo=UTC)


@pytest.fixture
def block(client, warehouse):
    columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
    client.command("DROP TABLE IF EXISTS zakaz.block_test")
    client.command(f"CREATE TABLE zakaz.block_test (n UInt32, {columns}) ENGINE MergeTree ORDER BY n")
    yield warehouse
    client.command("DROP TABLE zakaz.block_test")


def stored(warehouse, name):
    return [row[0] for row in warehouse.query(f"SELECT toString({name}) FROM zakaz.block_test ORDER BY n")]


@pytest.mark.parametrize(
    ("column", "values", "texts"),
    [
        ("u8", [0, 255], ["0", "255"]),
        ("u64", [0, 2**64 - 1], ["0", "18446744073709551615"]),
        ("i64", [-(2**63), 2**63 - 1], ["-9223372036854775808", "9223372036854775807"]),
        ("text", ["", "ё" * 100, "a\tb\n'\\"], ["", "ё" * 100, "a\tb\n'\\"]),
        ("low", ["RUB", "RUB", "USD"], ["RUB", "RUB", "USD"]),
        ("day", [date(2026, 2, 1), date(1970, 1, 1)], ["2026-02-01", "1970-01-01"]),
        ("day", [20485], ["2026-02-01"]),
        ("at", [MOMENT, int(MOMENT.timestamp())], ["2026-02-01 01:30:00"] * 2),
        ("money", [Decimal("0.29"), Decimal("-1.5"), 7], ["0.29", "-1.5", "7"]),
        ("rate", [Decimal("0.2200")], ["0.22"]),
        ("run", [RUN], [str(RUN)]),
        ("maybe_at", [None, MOMENT], [None, "2026-02-01 01:30:00"]),
        ("maybe_id", [5, None], ["5", None]),
        ("maybe_money", [None, Decimal("3.10")], [None, "3.1"]),
    ],
)  # fmt: skip
def test_values_come_back_as_they_were(block, column, values, texts):
    block.insert("block_test", {"n": range(len(values)), column: values})
    assert stored(block, column) == texts


def test_whole_kopecks_are_taken_as_they_are(block):
    rows = {"n": [0, 1], "money": [29, -150], "maybe_money": [None, 310]}
    block.insert("block_test", rows, kopecks=("money", "maybe_money"))
    assert stored(block, "money") == ["0.29", "-1.5"]
    assert stored(block, "maybe_money") == [None, "3.1"]


def test_several_hundred_thousand_rows_arrive(block):
    numbers = range(300_000)
    block.insert("block_test", {"n": numbers, "text": list(map(str, numbers)), "u64": [n * 7 for n in numbers]})
    assert block.query("SELECT count(), sum(u64), uniqExact(text) FROM zakaz.block_test") == [
        (300_000, 7 * 299_999 * 150_000, 300_000)
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("UInt8", 256), ("UInt8", -1), ("UInt64", "7"), ("UInt64", None), ("String", 7), ("String", None),
     ("Date", "2026-01-01"), ("DateTime('UTC')", datetime(2026, 1, 1)), ("DateTime('UTC')", -5),
     ("Decimal(18, 2)", Decimal("0.001")), ("Decimal(18, 2)", Decimal("NaN")), ("Decimal(18, 2)", "1"),
     ("Decimal(9, 2)", Decimal(10) ** 9), ("Nullable(UInt8)", "x"), ("Float64", 1.0), ("UUID", "x")],
)  # fmt: skip
def test_what_does_not_fit_is_refused_without_showing_it(kind, value):
    with pytest.raises(BlockError) as caught:
        encode_block(["c"], [kind], [[value]])
    assert "c" in str(caught.value) or "Float64" in str(caught.value)
    assert "2026" not in str(caught.value)


def test_a_refused_value_is_a_data_error_and_nothing_is_sent(block):
    with pytest.raises(DataError, match=r"zakaz.block_test: a value does not fit column u8"):
        block.insert("block_test", {"n": [0, 1], "u8": [1, 300]})
    assert stored(block, "u8") == []


def test_a_column_the_table_lacks_asks_for_the_schema(block):
    with pytest.raises(ConfigError, match="has no column absent; apply the schema"):
        block.insert("block_test", {"absent": [1]})


@settings(max_examples=200, deadline=None)
@given(st.datetimes(datetime(1971, 1, 2), datetime(2105, 1, 1), timezones=st.just(UTC)))
def test_the_moscow_day_of_a_moment(moment):
    days = moment.astimezone(MOSCOW).date().toordinal() - date(1970, 1, 1).toordinal()
    assert moscow_day_number(int(moment.timestamp())) == days
