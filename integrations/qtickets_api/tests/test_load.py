"""Whole runs against the sandbox, over real sockets, into the real engine."""

import json
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from qtickets_api import LOADER, load
from zakaz_common.moscow import MOSCOW, now_moscow

pytestmark = pytest.mark.patient


def forget_deep_read(loader):
    """As if the last complete read were long ago."""
    loader.client.command(
        f"ALTER TABLE meta.watermarks DELETE WHERE dataset = '{load.DEEP_WATERMARK}' SETTINGS mutations_sync = 2"
    )


def test_every_change_of_a_day_is_followed(loader, api):
    loader.run()
    api.mutate("insert_orders", count=7, at="-600")
    api.mutate("insert_orders", count=3, payed=False, at="-600")
    api.mutate("pay_orders", count=2, at="-500")
    api.mutate("refund_orders", count=8, at="-400")
    api.mutate("cancel_orders", count=4, at="-300")
    api.mutate("update_events", count=2, at="-300")
    api.mutate("delete_events", count=1, at="-300")
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_only_the_window_is_read_again(loader, api):
    loader.run()
    api.reset()
    api.mutate("update_orders", count=2, at="-600")
    loader.run()
    bodies = [entry["body"] for entry in api.requests if entry["path"].endswith("/orders")]
    assert len(bodies) <= 4
    (start,) = {w["value"] for w in bodies[0]["where"] if w["column"] == "updated_at" and w["operator"] == ">="}
    mark = loader.one("SELECT min(toUnixTimestamp(watermark)) FROM meta.watermarks WHERE dataset = 'orders'")
    started = datetime.fromisoformat(start)
    assert started.utcoffset() == timedelta(hours=3)
    assert started == datetime.fromtimestamp(mark, MOSCOW) - timedelta(hours=48)


def test_an_order_of_the_last_two_minutes_waits_for_the_next_run(loader, api):
    loader.run()
    (late,) = api.mutate("insert_orders", count=1, at="-30")
    loader.run()
    assert loader.one(f"SELECT count() FROM zakaz.stg_qtickets_orders WHERE order_id = {late}") == 0
    mark = loader.one("SELECT max(toUnixTimestamp(watermark)) FROM meta.watermarks WHERE dataset = 'orders'")
    assert mark <= api.season.orders[late].updated_at, "the next window begins before it"


def test_a_change_without_a_trace_is_found_by_the_weekly_reread(loader, api):
    """A refund that moves no `updated_at`: the first ticket of an early, untouched order gets one."""
    loader.run()
    early = list(api.season.orders.values())[:50]
    place = next(n for n, o in enumerate(early) if o.payed and all(t.refunded_at is None for t in o.tickets))
    first = early[place].id
    assert early[place].updated_at < (now_moscow() - timedelta(days=8)).timestamp()
    api.inject(
        "edit", route="*/orders", times=0,
        edits=[{"path": f"data.{place}.baskets.0.refunded_amount", "value": 0.5}],
    )  # fmt: skip
    sql = f"SELECT max(refunded_amount) FROM zakaz.stg_qtickets_tickets FINAL WHERE order_id = {first}"
    loader.run()
    assert loader.one(sql) == 0, "the incremental run does not see it"
    forget_deep_read(loader)
    loader.run()
    assert loader.one(sql) == Decimal("0.50")


def test_orders_that_vanish_are_tombstoned_by_a_complete_read(loader, api):
    loader.run()
    gone = api.mutate("remove_orders", count=5)
    season = api.season
    assert loader.backfill(season.first_day, now_moscow().date()) == 0
    assert loader.last_run("status", "mode") == ("success", "backfill")
    listed = ",".join(map(str, gone))
    for table in ("stg_qtickets_orders", "stg_qtickets_tickets"):
        assert loader.one(f"SELECT count() FROM zakaz.{table} FINAL WHERE order_id IN ({listed})") == 0
    loader.assert_equal_to(season)


def test_an_incremental_run_never_buries(loader, api):
    loader.run()
    api.mutate("remove_orders", count=5)
    before = loader.one("SELECT count() FROM zakaz.stg_qtickets_orders FINAL")
    loader.run()
    assert loader.one("SELECT count() FROM zakaz.stg_qtickets_orders FINAL") == before


def test_a_backfill_of_some_days_leaves_the_others_alone(loader, api):
    loader.run()
    first = api.season.first_day + timedelta(days=10)
    last = first + timedelta(days=5)
    api.mutate("remove_orders", ids=[next(o.id for o in api.season.orders.values())])
    before = loader.one("SELECT count() FROM zakaz.stg_qtickets_orders FINAL")
    assert loader.backfill(first, last) == 0
    assert loader.one("SELECT count() FROM zakaz.stg_qtickets_orders FINAL") == before
    assert loader.last_run("rows_written") == (0,)


def test_implausibly_many_vanished_orders_are_not_believed(loader, api, capsys):
    loader.run()
    api.mutate("remove_orders", count=60)
    assert loader.backfill(api.season.first_day, now_moscow().date()) == 65
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "the API no longer has 60 of" in line["error"]
    assert "QTICKETS_TOKEN" in line["error"]
    assert loader.one("SELECT count() FROM zakaz.stg_qtickets_orders FINAL") == 180
    assert loader.having(qtickets_max_vanished_ratio=0.9).backfill(api.season.first_day, now_moscow().date()) == 0
    loader.assert_equal_to(api.season)


def test_an_interrupted_first_read_goes_on_where_it_stopped(loader, api):
    small = loader.having(loader_batch_rows=100)
    api.inject("status", route="*/orders", nth=4, times=50, status=503)
    assert small.run() == 69
    landed = loader.one("SELECT count() FROM zakaz.stg_qtickets_orders FINAL")
    assert 0 < landed < 180
    assert loader.rows("SELECT * FROM meta.watermarks") == []
    api.reset()
    assert small.run() == 0
    first_body = next(entry["body"] for entry in api.requests if entry["path"].endswith("/orders"))
    after = next(w["value"] for w in first_body["where"] if w["column"] == "id")
    assert after >= loader.one("SELECT min(order_id) FROM zakaz.stg_qtickets_orders")
    loader.assert_equal_to(api.season)
    assert not (loader.state_dir / f"{LOADER}.resume.json").exists()


def test_an_interrupted_backfill_goes_on_and_another_one_begins_anew(loader, api):
    small = loader.having(loader_batch_rows=100)
    first, last = api.season.first_day, now_moscow().date()
    api.inject("status", route="*/orders", nth=4, times=50, status=503)
    assert small.backfill(first, last) == 69

    def first_after(run):
        api.reset()
        assert run() == 0
        body = next(entry["body"] for entry in api.requests if entry["path"].endswith("/orders"))
        return next(w["value"] for w in body["where"] if w["column"] == "id")

    assert first_after(lambda: small.backfill(first, last - timedelta(days=1))) == 0
    api.inject("status", route="*/orders", nth=4, times=50, status=503)
    assert small.backfill(first, last) == 69
    assert first_after(lambda: small.backfill(first, last)) > 0
    loader.assert_equal_to(api.season)


def test_an_order_that_changed_before_the_resumed_read_is_not_lost(loader, api):
    """The watermark is the time when the first part began, not when the last part ended."""
    small = loader.having(loader_batch_rows=100)
    api.inject("status", route="*/orders", nth=4, times=50, status=503)
    assert small.run() == 69
    first_id = min(api.season.orders)
    api.mutate("update_orders", ids=[first_id], at="-1")
    api.reset()
    assert small.run() == 0
    mark = loader.one("SELECT max(toUnixTimestamp(watermark)) FROM meta.watermarks WHERE dataset = 'orders'")
    assert mark < api.season.orders[first_id].updated_at


def test_a_mart_left_behind_by_a_dead_run_is_made_good(loader, api):
    """Staging is complete, the mart is not: the next run finds nothing new and repairs it all the same."""
    loader.run()
    loader.client.command("TRUNCATE TABLE zakaz.dm_sales_daily")
    loader.client.command("TRUNCATE TABLE zakaz.dim_events")
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_ticket_that_leaves_its_order_is_tombstoned(loader, api):
    loader.run()
    order = next(o for o in api.season.orders.values() if len(o.tickets) > 1)
    order.tickets.pop()
    api.mutate("update_orders", ids=[order.id], at="-300")
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_a_city_alias_added_later_changes_the_city_everywhere(loader, api):
    loader.run()
    event = next(iter(api.season.events.values()))
    key = loader.one(f"SELECT city FROM zakaz.dim_events FINAL WHERE event_id = {event.id}")
    loader.client.command(
        f"INSERT INTO zakaz.dim_city_alias (alias, city, _ver) VALUES ('{key}', 'новое имя', 9000000000000)"
    )
    try:
        assert loader.run() == 0
        assert loader.one(f"SELECT city FROM zakaz.dim_events FINAL WHERE event_id = {event.id}") == "новое имя"
        assert loader.one(f"SELECT any(city) FROM zakaz.dm_sales_daily FINAL WHERE event_id = {event.id}") in (
            "новое имя",
            "",
        )
    finally:
        loader.client.command(
            "ALTER TABLE zakaz.dim_city_alias DELETE WHERE city = 'новое имя' SETTINGS mutations_sync = 2"
        )


def test_multilingual_names_are_understood(engine, tmp_path):
    from api_sandbox.testing import running_sandbox
    from conftest import Loader
    from zakaz_common.testing import warehouse_engine

    warehouse_engine.empty(engine)
    with running_sandbox(orders=20, season_days=20, vk_banners=4, multilingual=True) as api:
        loader = Loader(engine, tmp_path, {"qtickets_base_url": api.qtickets_url, "qtickets_token": api.qtickets_token})
        assert loader.run() == 0
        loader.assert_equal_to(api.season)


@pytest.mark.slow
@pytest.mark.parametrize("lookback", [0, 1, 48])
def test_the_stored_watermark_never_goes_back(loader, api, lookback):
    looking = loader.having(qtickets_lookback_hours=lookback)
    marks = []
    for _ in range(3):
        assert looking.run() == 0
        marks.append(loader.one("SELECT max(toUnixTimestamp(watermark)) FROM meta.watermarks FINAL"))
    assert marks == sorted(marks)


@pytest.mark.parametrize("odd", [-5, 10**30])
def test_an_id_that_no_column_takes_costs_its_order_alone(loader, api, odd):
    api.inject("edit", route="*/orders", nth=2, edits=[{"path": "data.3.id", "value": odd}])
    assert loader.having(loader_max_rejected_ratio=0.05).run() == 0
    assert loader.rows("SELECT record_key, json_path FROM meta.rejected_records") == [(str(odd), "$.id")]
    assert loader.one("SELECT count() FROM zakaz.stg_qtickets_orders FINAL") == 179


def test_one_answer_from_the_future_does_not_end_the_weekly_reads(loader, api):
    api.inject("clock_skew", route="/api/*", times=0, seconds=400 * 86_400)
    assert loader.run() == 0
    latest = loader.one("SELECT toUnixTimestamp(max(watermark)) FROM meta.watermarks")
    assert latest <= now_moscow().timestamp() + 86_400
