"""A first load that takes hours: cut by its deadline as often as need be, under the live service's latencies.

Time is modelled: a clock that every request moves by 150 to 400 ms, and that waits move too. Nothing sleeps.
"""

import json
from random import Random
from types import SimpleNamespace

import pytest
from api_sandbox.testing import running_sandbox
from conftest import Loader
from qtickets_api import LOADER
from qtickets_api.client import QticketsClient
from test_load import forget_deep_read
from truth import sales_by_city, shown_sales
from zakaz_common import progress
from zakaz_common.deadline import Deadline
from zakaz_common.run import run_loader
from zakaz_common.run_log import configure_logs
from zakaz_common.testing import warehouse_engine
from zakaz_common.warehouse import Warehouse

pytestmark = pytest.mark.patient


class ModelledTime:
    """A clock of its own; requests and waits move it."""

    def __init__(self):
        self.now, self.random = 0.0, Random(7)

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def latency(self):
        self.now += self.random.uniform(0.15, 0.4)


@pytest.fixture
def modelled(monkeypatch):
    """Requests take modelled time, and progress is told by it."""
    time = ModelledTime()
    for name in ("get", "optional"):
        ask = getattr(QticketsClient, name)
        monkeypatch.setattr(
            QticketsClient, name, lambda *given, _ask=ask, **named: time.latency() or _ask(*given, **named)
        )
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=time.clock))
    return time


class PatientLoader(Loader):
    """A loader whose deadline is a moment of modelled time."""

    def run_within(self, time, seconds):
        """One run of at most that many modelled seconds; the exit code."""
        deadline = Deadline(seconds, clock=time.clock, sleep=time.sleep)
        warehouse = Warehouse.from_client(self.client, deadline)
        before = self._run_ids()
        code = run_loader(
            LOADER, self.configured(), type(self).WORK, version="1", warehouse=warehouse, deadline=deadline
        )  # fmt: skip
        self.latest.clear()
        self.latest.update(self._run_ids() - before)
        return code


def pointed_at(engine, api, directory, **settings):
    """The loader on an empty warehouse, with the live pace of requests."""
    warehouse_engine.empty(engine)
    configure_logs("info", LOADER)
    given = {"qtickets_base_url": api.qtickets_url, "qtickets_token": api.qtickets_token}
    return PatientLoader(engine, directory, {**given, "qtickets_requests_per_second": 5, **settings})


def load_in_parts(loader, time, seconds):
    """Runs until one ends by itself: what each exit code was."""
    codes = []
    while not codes or codes[-1] == 75:
        codes.append(loader.run_within(time, seconds))
        assert len(codes) < 50, "the load does not come to an end"
    return codes


def begun_after(api):
    """The ids after which pages of orders were asked for, in order."""
    bodies = [entry["body"] for entry in api.requests if entry["path"].endswith("/orders")]
    return [
        next(condition["value"] for condition in body["where"])
        for body in bodies
        if [condition["operator"] for condition in body["where"]] == [">"]
    ]


def told(capsys, event):
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return [entry for entry in map(json.loads, lines) if entry["event"] == event]


def assert_no_page_was_read_in_vain(api, orders, runs):
    asked = begun_after(api)
    assert len(asked) == len(set(asked)), "a page was read twice"
    # The rounding of each run's part to whole pages, and the one page that shows that there is no more.
    assert len(asked) <= -(-orders // 50) + runs
    # Beyond them only the check of the total.
    assert api.count("*/orders") <= len(asked) + runs


@pytest.mark.parametrize("batch_rows", [100, 50_000])
def test_a_load_that_is_cut_goes_on_where_it_stopped(engine, tmp_path, modelled, batch_rows, capsys):
    """Whether the deadline meets a batch that is half full, or nothing landed yet at all."""
    with running_sandbox(orders=3_000, season_days=45, vk_banners=20) as api:
        loader = pointed_at(engine, api, tmp_path, loader_batch_rows=batch_rows)
        codes = load_in_parts(loader, modelled, 5)
        assert len(codes) >= 4 and set(codes[:-1]) == {75} and codes[-1] == 0
        loader.assert_equal_to(api.season)
        assert_no_page_was_read_in_vain(api, 3_000, len(codes))
        pages_of_events = -(-len(api.season.events) // 10)
        assert api.count("*/events") <= 2 * (pages_of_events + 1), "events: when the load begins and when it is over"
        cuts = [entry["interrupted"] for entry in told(capsys, "run_failed")]
        assert [cut["orders_total"] for cut in cuts] == [3_000] * len(cuts)
        read = [cut["orders_read"] for cut in cuts]
        assert read == sorted(set(read)) and read[0] > 0 and read[-1] < 3_000
        api.reset()
        assert loader.run_within(modelled, 600) == 0
        assert loader.last_run("rows_written") == (0,)


def test_an_event_made_during_the_load_has_its_city_when_it_is_over(engine, tmp_path, modelled):
    with running_sandbox(orders=1_500, season_days=45, vk_banners=20) as api:
        loader = pointed_at(engine, api, tmp_path)
        assert loader.run_within(modelled, 5) == 75
        moved = api.mutate("change_event_city", count=1, city="казань")
        assert loader.run_within(modelled, 600) == 0
        city = f"SELECT city FROM zakaz.stg_qtickets_events FINAL WHERE event_id = {moved[0]}"
        assert loader.one(city) == "казань"
        loader.assert_equal_to(api.season)


def test_orders_gone_before_a_cut_reread_are_buried_when_it_is_over(engine, tmp_path, modelled):
    """The re-read's second part does not see the first orders, and must not forget that the first part did not."""
    with running_sandbox(orders=2_000, season_days=45, vk_banners=20) as api:
        loader = pointed_at(engine, api, tmp_path)
        assert loader.run_within(modelled, 600) == 0
        ids = list(api.season.orders)
        gone = [*ids[3:6], *ids[-6:-3]]
        api.mutate("remove_orders", ids=gone)
        forget_deep_read(loader)
        kept = f"SELECT count() FROM zakaz.stg_qtickets_orders FINAL WHERE order_id IN ({','.join(map(str, gone))})"
        assert loader.run_within(modelled, 8) == 0, "what changed is loaded all the same"
        assert loader.one(kept) == len(gone), "the read is not over: nothing is said to be gone"
        for _ in range(3):
            assert loader.run_within(modelled, 8) == 0
        assert loader.one(kept) == 0
        loader.assert_equal_to(api.season)


def test_a_total_that_no_longer_agrees_makes_the_next_run_read_from_the_start(engine, tmp_path, modelled):
    with running_sandbox(orders=1_500, season_days=45, vk_banners=20) as api:
        loader = pointed_at(engine, api, tmp_path)
        hidden = {number: api.season.orders.pop(number) for number in list(api.season.orders)[5:8]}
        api.season.revision += 1
        assert loader.run_within(modelled, 5) == 75
        api.season.orders = dict(sorted({**api.season.orders, **hidden}.items()))  # early orders come to light
        api.season.revision += 1
        assert loader.run_within(modelled, 600) == 65
        assert loader.run_within(modelled, 600) == 0
        loader.assert_equal_to(api.season)


@pytest.mark.slow
def test_the_first_load_of_a_large_account(engine, tmp_path, modelled, capsys):
    """125,000 orders are 2,500 pages: at 150 to 400 ms a page, in parts of four minutes."""
    with running_sandbox(orders=125_000, season_days=400, vk_banners=20) as api:
        loader = pointed_at(engine, api, tmp_path)
        codes = load_in_parts(loader, modelled, 240)
        assert 3 <= len(codes) <= 5 and codes[-1] == 0
        assert 600 < modelled.now < 1_200
        assert_no_page_was_read_in_vain(api, 125_000, len(codes))
        said = told(capsys, "progress")
        assert len(said) > 25 and [entry["done"] for entry in said] == sorted(entry["done"] for entry in said)
        assert {entry["total"] for entry in said} == {125_000}
        assert loader.one("SELECT count() FROM zakaz.stg_qtickets_orders FINAL") == 125_000
        tickets = sum(len(order.tickets) for order in api.season.orders.values())
        assert loader.one("SELECT count() FROM zakaz.stg_qtickets_tickets FINAL") == tickets
        assert shown_sales(loader.rows) == sales_by_city(api.season)
