"""Upserts, tombstones and marts on the real engine."""

import itertools
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zakaz_common.columns import by_column
from zakaz_common.errors import ConfigError, DataError
from zakaz_common.moscow import MOSCOW
from zakaz_common.warehouse import Scope, Warehouse

TABLE, KEYS = "stg_qtickets_sheets_sales", ("d", "event_id", "currency")
COLUMNS = (*KEYS, "tickets_sold", "revenue", "_ver")
CHILDREN, CHILD_KEYS = "stg_qtickets_barcodes", ("event_id", "show_id")
CHILD_COLUMNS = (*CHILD_KEYS, "barcodes_total", "taken_at", "_ver")
DAY = date(2026, 11, 1)
NOON = datetime(2026, 11, 1, 12, tzinfo=MOSCOW)


def sale(day=DAY, event=1, sold=2, revenue="10.00", version=100):
    return (day, event, "RUB", sold, Decimal(revenue), version)


def child(parent, number, total=1, version=100, taken=NOON):
    return (parent, number, total, taken, version)


def sales(warehouse):
    return sorted(warehouse.query(f"SELECT d, event_id, tickets_sold, revenue FROM zakaz.{TABLE} FINAL"))


def children(warehouse):
    return sorted(warehouse.query(f"SELECT event_id, show_id, barcodes_total FROM zakaz.{CHILDREN} FINAL"))


def upsert(warehouse, *rows, **options):
    return warehouse.upsert(TABLE, KEYS, by_column(COLUMNS, rows), **options)


def upsert_children(warehouse, *rows, **options):
    return warehouse.upsert(CHILDREN, CHILD_KEYS, by_column(CHILD_COLUMNS, rows), **options)


def stored_rows(warehouse, table):
    return warehouse.query(f"SELECT count() FROM zakaz.{table}")[0][0]


def test_new_and_changed_rows_are_written_and_unchanged_ones_are_not(warehouse):
    first = upsert(warehouse, sale(event=1), sale(event=2))
    assert (first.read, first.written, first.unchanged) == (2, 2, 0)
    again = upsert(warehouse, sale(event=1, version=200), sale(event=2, sold=3, version=200))
    assert (again.written, again.unchanged) == (1, 1)
    assert sales(warehouse) == [(DAY, 1, 2, Decimal("10.00")), (DAY, 2, 3, Decimal("10.00"))]
    assert stored_rows(warehouse, TABLE) == 3


def test_an_older_version_never_replaces_a_newer_one(warehouse):
    upsert(warehouse, sale(sold=5, version=300))
    result = upsert(warehouse, sale(sold=4, version=200))
    assert (result.written, result.stale) == (0, 1)
    assert sales(warehouse)[0][2] == 5


def test_of_equal_versions_the_last_read_wins(warehouse):
    upsert(warehouse, sale(sold=5))
    upsert(warehouse, sale(sold=4))
    assert sales(warehouse)[0][2] == 4


def test_a_key_twice_in_a_batch_counts_once_with_its_greatest_version(warehouse):
    upsert(warehouse, sale(sold=1, version=3), sale(sold=2, version=5), sale(sold=3, version=4))
    assert [row[2] for row in sales(warehouse)] == [2]


def test_money_is_kept_to_the_kopeck(warehouse):
    amounts = ["0.29", "0.01", "1234567.89", "-0.07", "9999999999999.99"]
    upsert(warehouse, *(sale(event=n + 1, revenue=text) for n, text in enumerate(amounts)))
    assert [row[3] for row in sales(warehouse)] == [Decimal(text) for text in amounts]


def test_children_that_left_their_parent_are_tombstoned(warehouse):
    upsert_children(warehouse, child(1, 1), child(1, 2), child(2, 1), parents={1: 100, 2: 100})
    result = upsert_children(warehouse, child(1, 2, version=110), child(1, 3, version=110), parents={1: 110})
    assert (result.written, result.tombstoned, result.unchanged) == (1, 1, 1)
    assert children(warehouse) == [(1, 2, 1), (1, 3, 1), (2, 1, 1)]


def test_a_parent_without_children_loses_them_all(warehouse):
    upsert_children(warehouse, child(1, 1), child(2, 1), parents={1: 100, 2: 100})
    assert upsert_children(warehouse, parents={1: 100}).tombstoned == 1
    assert children(warehouse) == [(2, 1, 1)]


def test_an_older_parent_buries_nothing(warehouse):
    upsert_children(warehouse, child(1, 1, version=100), parents={1: 100})
    assert upsert_children(warehouse, parents={1: 90}).tombstoned == 0
    assert children(warehouse) == [(1, 1, 1)]


def test_a_child_that_comes_back_is_seen_again(warehouse):
    upsert_children(warehouse, child(1, 1), parents={1: 100})
    upsert_children(warehouse, parents={1: 100})
    assert children(warehouse) == []
    assert upsert_children(warehouse, child(1, 1), parents={1: 100}).written == 1
    assert children(warehouse) == [(1, 1, 1)]


def test_a_column_that_is_no_content_alone_writes_nothing(warehouse):
    later = NOON.replace(hour=13)
    upsert_children(warehouse, child(1, 1))
    same = upsert_children(warehouse, child(1, 1, taken=later, version=200), unhashed=("taken_at",))
    assert same.written == 1, "hashed over other columns, the row differs once"
    assert upsert_children(warehouse, child(1, 1, version=300), unhashed=("taken_at",)).written == 0


def test_sparse_keys_are_found_as_dense_ones_are(warehouse):
    keys = [7, 900_000, 10**12, 10**15]
    assert upsert_children(warehouse, *(child(key, 1) for key in keys)).written == 4
    assert upsert_children(warehouse, *(child(key, 1) for key in keys)).unchanged == 4


def test_text_keys_are_found_whatever_they_hold(warehouse):
    table, names = "stg_qtickets_sheets_raw", ("sheet", "source_file", "row_number", "row_json", "_ver")
    rows = by_column(names, [("o'hara\\", "f", 1, "{}", 1), ("{a:String}", "f", 1, "{}", 1)])
    assert warehouse.upsert(table, names[:3], rows).written == 2
    assert warehouse.upsert(table, names[:3], rows).unchanged == 2


def test_a_scope_tombstones_what_was_not_read_in_it(warehouse):
    upsert_children(warehouse, child(1, 1), child(1, 2), child(2, 1))
    scope = Scope("event_id = {event:UInt64}", {"event": 1}, gone_at=200)
    assert upsert_children(warehouse, child(1, 1, version=200), within=scope).tombstoned == 1
    assert children(warehouse) == [(1, 1, 1), (2, 1, 1)]


def test_what_a_scope_spares_is_written_and_loses_nothing(warehouse):
    upsert_children(warehouse, child(1, 1), child(1, 2), child(2, 1), child(2, 2))
    scope = Scope("event_id < {most:UInt64}", {"most": 3}, gone_at=200, spared={1})
    read = child(1, 1, version=200), child(1, 3, version=200), child(2, 1, version=200)
    result = upsert_children(warehouse, *read, within=scope)
    assert (result.written, result.unchanged, result.tombstoned) == (1, 2, 1)
    assert children(warehouse) == [(1, 1, 1), (1, 2, 1), (1, 3, 1), (2, 1, 1)]


def test_tombstone_keeps_what_was_seen_by_first_key_or_whole_key(warehouse):
    upsert_children(warehouse, child(1, 1), child(1, 2), child(2, 1), child(3, 1))
    result = warehouse.tombstone(
        CHILDREN, CHILD_KEYS, scope="event_id < {most:UInt64}", parameters={"most": 3}, keep={2, (1, 2)}
    )
    assert result.tombstoned == 1
    assert children(warehouse) == [(1, 2, 1), (2, 1, 1), (3, 1, 1)]


MART, MART_KEYS = "dm_sales_daily", ("d", "event_id", "currency")
MART_VALUES = ("city", "tickets_sold", "orders", "revenue", "refunded_amount")
DESIRED = (
    "SELECT d, event_id, currency, 'омск' AS city, sum(tickets_sold) AS tickets_sold, toUInt64(1) AS orders, "
    f"sum(revenue) AS revenue, toDecimal64(0, 2) AS refunded_amount FROM zakaz.{TABLE} FINAL "
    "GROUP BY d, event_id, currency"
)


def mart(warehouse):
    return sorted(warehouse.query(f"SELECT d, event_id, tickets_sold, revenue FROM zakaz.{MART} FINAL"))


def refresh(warehouse, days=None):
    return warehouse.replace_mart_days(MART, MART_KEYS, MART_VALUES, DESIRED, days)


def test_a_mart_follows_staging_and_writes_only_what_differs(warehouse):
    upsert(warehouse, sale(event=1), sale(event=2), sale(day=date(2026, 11, 2), event=1))
    assert refresh(warehouse) == 3
    assert refresh(warehouse) == 0
    upsert(warehouse, sale(event=2, sold=9, version=101))
    warehouse.tombstone(TABLE, KEYS, scope="event_id = 1 AND d = '2026-11-02'", keep=())
    assert refresh(warehouse) == 2
    assert mart(warehouse) == sales(warehouse)


def test_a_key_that_vanished_from_a_mart_may_come_back(warehouse):
    upsert(warehouse, sale())
    refresh(warehouse)
    warehouse.tombstone(TABLE, KEYS, scope="1", keep=())
    refresh(warehouse)
    assert mart(warehouse) == []
    upsert(warehouse, sale())
    refresh(warehouse)
    assert mart(warehouse) == sales(warehouse) != []


def test_only_the_named_days_of_a_mart_are_replaced(warehouse):
    second = date(2026, 11, 2)
    upsert(warehouse, sale(day=DAY), sale(day=second))
    refresh(warehouse)
    upsert(warehouse, sale(day=DAY, sold=8, version=101), sale(day=second, sold=9, version=101))
    assert refresh(warehouse, days=[second]) == 1
    assert [row[2] for row in mart(warehouse)] == [2, 9]
    assert refresh(warehouse, days=[]) == 0


def test_a_mart_is_replaced_in_one_part(warehouse):
    upsert(warehouse, *(sale(day=date(2026, 1 + n % 12, 1 + n % 28), event=n + 1) for n in range(2000)))
    refresh(warehouse)
    parts = warehouse.query(
        f"SELECT count() FROM system.parts WHERE database = 'zakaz' AND table = '{MART}' AND active"
    )
    assert parts[0][0] == 1, "a part is written whole or not at all"


def test_the_mart_survives_merges(warehouse):
    upsert(warehouse, sale(event=1), sale(event=2))
    refresh(warehouse)
    warehouse.tombstone(TABLE, KEYS, scope="event_id = 1", keep=())
    refresh(warehouse)
    warehouse.command(f"OPTIMIZE TABLE zakaz.{MART} FINAL")
    warehouse.command(f"OPTIMIZE TABLE zakaz.{TABLE} FINAL")
    assert mart(warehouse) == sales(warehouse)
    assert refresh(warehouse) == 0


row_lists = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 5), st.integers(1, 6)).map(
        # one content for each (key, version): what a version holds does not change
        lambda t: sale(event=t[0], sold=t[0] * 10 + t[2], version=t[2])
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(rows=row_lists, cuts=st.sets(st.integers(0, 12)), data=st.data())
def test_any_split_order_and_replay_ends_alike(engine, rows, cuts, data):
    from conftest import Clock

    engine.command(f"TRUNCATE TABLE zakaz.{TABLE}")
    warehouse = Warehouse.from_client(engine, Clock().deadline())
    shuffled = data.draw(st.permutations(rows)) + data.draw(st.lists(st.sampled_from(rows or [sale()]), max_size=4))
    shuffled = shuffled if rows else []
    edges = [0, *sorted(cuts), len(shuffled)]
    for start, end in itertools.pairwise(edges):
        upsert(warehouse, *shuffled[start:end])
    newest = {}
    for row in rows:
        if row[1] not in newest or row[-1] >= newest[row[1]][-1]:
            newest[row[1]] = row
    assert sales(warehouse) == sorted((r[0], r[1], r[3], r[4]) for r in newest.values())


def test_a_missing_table_asks_for_the_schema(warehouse):
    with pytest.raises(ConfigError, match=r"error 60: a table is missing.*apply the schema"):
        warehouse.query("SELECT 1 FROM zakaz.stg_absent")


def test_a_missing_column_asks_for_the_schema(warehouse):
    with pytest.raises(ConfigError, match="apply the schema"):
        warehouse.query(f"SELECT absent FROM zakaz.{TABLE}")


def test_a_value_that_does_not_fit_is_a_data_error(warehouse):
    with pytest.raises(DataError, match="does not fit"):
        warehouse.query("SELECT toUInt8('buyer')")
