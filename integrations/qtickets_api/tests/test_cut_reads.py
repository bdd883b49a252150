"""A read of orders that ends between two pages: what lands, and what is told of it."""

from types import SimpleNamespace

import pytest
from payloads import order, page
from qtickets_api import load
from qtickets_api.paging.pages import decode_orders
from qtickets_api.paging.scan import Batch
from qtickets_api.paging.shown import Shown
from zakaz_common.errors import DataError, DeadlineExceededError, StoppedError, UnavailableError


class CutPages:
    """In place of the client: a page an order, then an error."""

    server_time = None

    def __init__(self, numbers, error, *, by_number=False):
        self.numbers, self.error, self.by_number = numbers, error, by_number
        self.seen = []

    def orders(self, window, after_id, before):
        return self

    def __iter__(self):
        for number in self.numbers:
            decoded = decode_orders(page([order(number)]))
            self.seen += decoded.ids
            last = 0 if self.by_number else number
            yield Batch(decoded.records, [], last, 9, ids=decoded.ids)
        raise self.error


def read(pages, earlier=None, after_id=0):
    """Ids of each batch that landed, ids told as landed, seconds granted, what the run says in the end."""
    batches, landed, granted = [], [], []
    context = SimpleNamespace(
        rows_read=0, read=lambda *_: None, degrade=lambda _: None, extra={},
        settings=SimpleNamespace(loader_batch_rows=1000), deadline=SimpleNamespace(grace=granted.append),
    )  # fmt: skip
    sink = SimpleNamespace(
        orders=lambda family: batches.append(list(family.parents["order_id"])), begin_orders=lambda _: 1_795_000_000
    )
    with pytest.raises(type(pages.error)):
        load.read_orders(
            context, pages, sink, window=None, after_id=after_id, landed=landed.append, earlier=earlier, tombstones=True
        )  # fmt: skip
    return batches, landed, granted, context.extra


@pytest.mark.parametrize("error", [DeadlineExceededError("late"), StoppedError("SIGTERM"), UnavailableError("500")])
def test_what_is_held_lands_and_is_told_with_time_granted_for_it(error):
    earlier = Shown()
    batches, landed, granted, said = read(CutPages([4, 7, 9], error), earlier)
    assert (batches, landed) == ([[4, 7, 9]], [9])
    assert granted and granted[0] >= 30
    assert said == {"interrupted": {"orders_read": 3, "orders_total": 9}}
    assert (list(earlier.ids), earlier.records) == ([4, 7, 9], 3)


def test_a_later_part_counts_from_where_the_earlier_one_stopped():
    earlier = Shown()
    earlier.add([1, 2], 1, 0)
    _, landed, _, said = read(CutPages([4], DeadlineExceededError("late")), earlier, after_id=2)
    assert landed == [4] and said["interrupted"] == {"orders_read": 4, "orders_total": 12}
    assert (list(earlier.ids), earlier.records) == ([1, 2, 4], 4)


def test_pages_by_number_leave_no_place_to_go_on_from():
    batches, landed, _, _ = read(CutPages([4, 7], DeadlineExceededError("late"), by_number=True), Shown())
    assert (batches, landed) == ([[4, 7]], [])


def test_an_answer_that_cannot_be_believed_is_not_landed_as_a_part():
    batches, landed, _, said = read(CutPages([4, 7], DataError("totals differ")), Shown())
    assert (batches, landed, said) == ([], [], {})


def test_a_page_that_comes_again_is_counted_once():
    shown = Shown()
    shown.add([1, 2, 3], 2, 0)
    shown.add([1, 2, 3], 2, 3)
    shown.add([3, 4], 0, 3)
    assert (list(shown.ids), shown.records) == ([1, 2, 3, 4], 6)
