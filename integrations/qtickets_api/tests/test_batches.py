"""Pages joined into batches, and batches that land while the next one is read."""

import threading
from types import SimpleNamespace

import pytest
from payloads import basket, order, page
from qtickets_api import load
from qtickets_api.paging.pages import decode_orders
from qtickets_api.paging.scan import Batch
from qtickets_api.rows.families import Families
from qtickets_api.transform import order_family
from zakaz_common.landing import Landing

SCAN = 1_795_000_000


class Pages:
    """In place of the client: these pages, whatever is asked for."""

    by_number = False
    server_time = None

    def __init__(self, *pages):
        self._pages = pages

    def orders(self, window, after_id, before):
        return self

    def __iter__(self):
        for found in self._pages:
            decoded = decode_orders(page(found))
            yield Batch(decoded.records, decoded.rejected, decoded.ids[-1], len(found))


def reading(limit):
    """A run's context, as far as a read of orders needs it."""
    return SimpleNamespace(
        read=lambda *_: None, degrade=lambda _: None, settings=SimpleNamespace(loader_batch_rows=limit)
    )


def read(*pages, limit=1000, sink=None):
    """Batches of a read, each as its order ids, and the ids told as landed."""
    batches, landed = [], []
    context = reading(limit)
    sink = sink or SimpleNamespace(orders=batches.append, begin_orders=lambda _: SCAN)
    load.read_orders(context, Pages(*pages), sink, window=None, landed=landed.append)
    return batches, landed


def test_pages_are_joined_into_batches_of_about_the_limit():
    pages = [[order(number, baskets=[basket(number * 10), basket(number * 10 + 1)])] for number in range(1, 6)]
    batches, landed = read(*pages, limit=4)
    assert [list(found.parents["order_id"]) for found in batches] == [[1, 2], [3, 4], [5]]
    assert batches[0].children["ticket_id"] == [10, 11, 20, 21]
    assert landed == [2, 4], "what an interrupted read may skip; the last batch is followed by the tombstones"


def test_two_versions_of_an_order_never_land_in_one_batch():
    older = order(1, updated_at="2026-11-01T10:00:00+03:00", baskets=[basket(11), basket(12)])
    newer = order(1, updated_at="2026-11-02T10:00:00+03:00", baskets=[basket(11)])
    batches, _ = read([older, order(2)], [newer])
    assert [list(found.parents["order_id"]) for found in batches] == [[1, 2], [1]]


def test_a_rejected_order_takes_nothing_of_its_page_along():
    odd = order(2, baskets=[basket(21), basket(22, price="free")])
    batches, _ = read([order(1), odd, order(3)], [order(4, currency_id="roubles")])
    assert [list(found.parents["order_id"]) for found in batches] == [[1, 3]]
    assert [(r.key, r.path) for r in batches[0].rejected] == [("2", "$.baskets[1].price"), ("4", "$.currency_id")]


def test_taking_leaves_nothing():
    held = Families(order_family((), SCAN))
    held.add(order_family(decode_orders(page([order(1)])).records, SCAN))
    assert list(held.taken().parents["order_id"]) == [1]
    again = held.taken()
    assert list(again.parents["order_id"]) == list(again.children["ticket_id"]) == []
    assert held.rows == 0


def test_a_batch_that_does_not_land_ends_the_read_before_the_next_is_said_to_have_landed():
    class Full:
        calls = 0

        def begin_orders(self, _):
            return SCAN

        def orders(self, family):
            self.calls += 1
            if self.calls == 2:
                raise OSError("disk full")

    sink, landed = Full(), []
    context = reading(1)
    with pytest.raises(OSError, match="disk full"):
        load.read_orders(
            context, Pages(*[[order(n)] for n in range(1, 9)]), sink, window=None, landed=landed.append
        )  # fmt: skip
    assert (sink.calls, landed) == (2, [1])


def test_batches_land_in_order_beside_the_reader():
    landed, begun = [], threading.Event()

    def land(number):
        begun.set()
        landed.append((number, threading.current_thread() is threading.main_thread()))

    with Landing() as landing:
        for number in range(5):
            landing.put(land, number)
        assert begun.wait(10)
    assert landed == [(number, False) for number in range(5)]


def test_leaving_waits_for_the_batch_under_way_even_when_the_reader_failed():
    landed, go = [], threading.Event()

    def land():
        go.wait(10)
        landed.append("whole")

    def fail():
        with Landing() as landing:
            landing.put(land)
            threading.Timer(0.1, go.set).start()
            raise RuntimeError("the reader failed")

    with pytest.raises(RuntimeError, match="the reader failed"):
        fail()
    assert landed == ["whole"]
