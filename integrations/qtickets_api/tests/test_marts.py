"""Any split, order, duplication or replay of pages gives the same marts."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payloads import basket, event, order, page
from qtickets_api import mart
from qtickets_api.paging.pages import decode_events, decode_orders
from qtickets_api.rows.events import event_family
from qtickets_api.sink import StagingSink
from qtickets_api.transform import order_family
from zakaz_common.city import CityDirectory
from zakaz_common.deadline import Deadline
from zakaz_common.moscow import MOSCOW
from zakaz_common.testing import warehouse_engine
from zakaz_common.warehouse import Warehouse

MINUTE = "2026-11-{day:02d}T10:{minute:02d}:00+03:00"


def a_version(number, version, shape):
    """What order `number` holds at its `version`: content is a function of both, as in the source."""
    day = 1 + (number + version * shape) % 3
    paid = (number + version + shape) % 4 != 0
    tickets = [
        basket(
            number * 10 + k,
            price=100 * (k + version),
            original_price=100 * (k + version),
            discount_value=0,
            refunded_amount=50 if (k + version + shape) % 3 == 0 else None,
            deleted_at=MINUTE.format(day=9, minute=0) if (k * version + shape) % 4 == 0 else None,
        )
        for k in range(1, 1 + (number + version) % 3 + 1)
    ]
    return order(
        number, payed=paid, payed_at=MINUTE.format(day=day, minute=5) if paid else None, baskets=tickets,
        event_id=33 + number % 2, updated_at=MINUTE.format(day=10, minute=version),
        created_at=MINUTE.format(day=day, minute=0),
    )  # fmt: skip


def expected(versions):
    totals = defaultdict(lambda: [0, Decimal(0), set()])
    for found in versions:
        if not found["payed"]:
            continue
        for ticket in found["baskets"]:
            refunded = (ticket["refunded_amount"] or 0) > 0
            deleted = ticket["deleted_at"] is not None
            entry = totals[date.fromisoformat(found["payed_at"][:10]), found["event_id"]]
            if refunded:
                entry[1] += ticket["price"] - ticket["refunded_amount"]
            elif not deleted:
                entry[1] += ticket["price"]
            if not refunded and not deleted:
                entry[0] += 1
                entry[2].add(found["id"])
    return {key: (sold, earned, len(orders)) for key, (sold, earned, orders) in totals.items() if sold or earned}


SCAN = 1_795_000_000
orders_and_versions = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), min_size=1, max_size=14)


@pytest.fixture(scope="module")
def run(engine):
    warehouse_engine.empty(engine)
    warehouse = Warehouse.from_client(engine, Deadline(3600))
    context = SimpleNamespace(
        warehouse=warehouse, reject=lambda rejected: None, degrade=lambda fields: None,
        wrote=lambda stage, result: None, check_rejected_ratio=lambda: None,
    )  # fmt: skip
    sink = StagingSink(context)
    sink.events(event_family(decode_events(page([event(33), event(34)])).records, CityDirectory({}), SCAN))
    return SimpleNamespace(engine=engine, warehouse=warehouse, context=context, sink=sink)


def test_tickets_of_a_replayed_older_version_stay_out(run):
    for table in ("stg_qtickets_orders", "stg_qtickets_tickets", "dm_sales_daily"):
        run.engine.command(f"TRUNCATE TABLE zakaz.{table}")
    older = order(7, updated_at="2026-11-01T10:00:00+03:00", baskets=[basket(71), basket(72)])
    newer = order(7, updated_at="2026-11-02T10:00:00+03:00", baskets=[basket(71)])
    for version in (newer, older):
        run.sink.orders(order_family(decode_orders(page([version])).records, SCAN))
    assert run.warehouse.query("SELECT ticket_id FROM zakaz.stg_qtickets_tickets FINAL") == [(71,)]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reads=orders_and_versions,
    cuts=st.sets(st.integers(0, 20), max_size=4),
    refreshes=st.sets(st.integers(0, 5), max_size=3),
    shape=st.integers(0, 3),
    data=st.data(),
)
def test_any_split_order_duplication_and_replay_gives_the_same_marts(run, reads, cuts, refreshes, shape, data):
    for table in ("stg_qtickets_orders", "stg_qtickets_tickets", "dm_sales_daily"):
        run.engine.command(f"TRUNCATE TABLE zakaz.{table}")
    replayed = data.draw(st.permutations(reads + data.draw(st.lists(st.sampled_from(reads), max_size=4))))
    pages = [a_version(number, version, shape) for number, version in replayed]
    edges = [0, *sorted(cuts), len(pages)]
    for turn, (start, end) in enumerate(pairwise(edges)):
        if pages[start:end]:
            decoded = decode_orders(page(pages[start:end]))
            assert decoded.rejected == []
            run.sink.orders(order_family(decoded.records, SCAN))
        if turn in refreshes:
            mart.refresh_sales_and_events(run.context)
    mart.refresh_sales_and_events(run.context)
    newest = {}
    for number, version in reads:
        newest[number] = max(newest.get(number, 0), version)
    wanted = expected(a_version(number, version, shape) for number, version in newest.items())
    rows = run.warehouse.query("SELECT d, event_id, tickets_sold, revenue, orders FROM zakaz.dm_sales_daily FINAL")
    assert {row[:2]: row[2:] for row in rows if any(row[2:])} == wanted
    assert run.warehouse.query("SELECT count() FROM zakaz.stg_qtickets_orders FINAL")[0][0] == len(newest)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reads=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4), st.sampled_from([-86_400, 0, 86_400, None]))),
    shape=st.integers(0, 3),
)
def test_what_was_read_later_counts_whatever_the_source_calls_its_time(run, reads, shape):
    """Each read is a run of its own; a refund may set `updated_at` back, leave it as it is, or take it away."""
    for table in ("stg_qtickets_orders", "stg_qtickets_tickets", "dm_sales_daily"):
        run.engine.command(f"TRUNCATE TABLE zakaz.{table}")
    latest = {}
    for turn, (number, version, moved) in enumerate(reads):
        state = a_version(number, version, shape)
        changed = datetime.fromisoformat("2026-11-20T10:00:00+03:00")
        state["updated_at"] = None if moved is None else (changed + timedelta(seconds=moved)).isoformat()
        decoded = decode_orders(page([state]))
        run.sink.orders(order_family(decoded.records, SCAN + turn))
        latest[number] = state
    mart.refresh_sales_and_events(run.context)
    rows = run.warehouse.query("SELECT d, event_id, tickets_sold, revenue, orders FROM zakaz.dm_sales_daily FINAL")
    assert {row[:2]: row[2:] for row in rows if any(row[2:])} == expected(latest.values())


def test_a_clock_that_went_back_begins_no_older_read(run):
    run.engine.command("TRUNCATE TABLE zakaz.stg_qtickets_orders")
    moment = datetime.fromtimestamp(SCAN, MOSCOW)
    first = run.sink.begin_orders(moment)
    run.sink.orders(order_family(decode_orders(page([order(7)])).records, first))
    assert first == SCAN
    assert run.sink.begin_orders(moment - timedelta(days=3)) == SCAN + 1


def test_rows_of_the_release_before_are_older_than_any_read(run):
    """Their version is `updated_at` in seconds; one may lie in the future."""
    run.engine.command("TRUNCATE TABLE zakaz.stg_qtickets_orders")
    family = order_family(decode_orders(page([order(7)])).records, SCAN)
    run.warehouse.insert("stg_qtickets_orders", {**family.parents, "_ver": [4_000_000_000], "_row_hash": [1]})
    run.sink.orders(order_family(decode_orders(page([order(7, price=1)])).records, run.sink.begin_orders(
        datetime.fromtimestamp(SCAN, MOSCOW))))  # fmt: skip
    assert run.warehouse.query("SELECT price FROM zakaz.stg_qtickets_orders FINAL") == [(Decimal("1.00"),)]


@pytest.mark.parametrize(
    ("finish", "last"),
    [(None, "2026-12-01 19:00"), ("2026-12-01T21:00:00+03:00", "2026-12-01 19:00"),
     ("2026-12-02T18:59:00+03:00", "2026-12-01 19:00"), ("2027-02-28T20:00:00+03:00", "2027-02-28 20:00")],
)  # fmt: skip
def test_an_exhibitions_last_show_is_its_closing(run, finish, last):
    show = {"id": 1, "is_active": 1, "start_date": "2026-12-01T19:00:00+03:00", "finish_date": finish}
    found = decode_events(page([event(35, shows=[show])])).records
    moment = datetime.now(MOSCOW)
    run.sink.events(event_family(found, CityDirectory({}), run.sink.begin_events(moment)))
    mart.refresh_sales_and_events(run.context)
    sql = "SELECT formatDateTime({}, '%Y-%m-%d %H:%i') FROM zakaz.dim_events FINAL WHERE event_id = 35"
    shown = [run.engine.query(sql.format(name)).result_rows[0][0] for name in ("first_show_at", "last_show_at")]
    assert shown == ["2026-12-01 19:00", last]
