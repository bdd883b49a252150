"""Listings are read to their end, and a moving listing is noticed."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vk_ads.client import _decode_page
from vk_ads.paging.listing import ListingUnstable, read_listing
from vk_ads.records import Page
from vk_ads.transform import read_cabinet


class Shelf:
    """A listing; ``before_page`` may change it between two pages; ``largest`` caps the server's pages."""

    def __init__(self, items, largest=50, before_page=None):
        self.items = items
        self.largest = largest
        self.before_page = before_page
        self.calls = []

    def page(self, resource, params):
        if self.before_page:
            self.before_page(self)
        self.calls.append(params)
        start = params["offset"]
        body = {
            "count": len(self.items),
            "offset": start,
            "items": self.items[start : start + min(params["limit"], self.largest)],
        }
        return msgspec.json.decode(json.dumps(body), type=Page)


@given(st.integers(0, 400), st.integers(1, 60))
def test_every_object_arrives_once_whatever_the_servers_page_size(total, largest) -> None:
    shelf = Shelf([{"id": n} for n in range(1, total + 1)], largest)
    assert [one for one, _ in read_listing(shelf.page, "banners", ("id",), 50)] == list(range(1, total + 1))


def test_every_status_is_asked_for_in_order_of_id() -> None:
    shelf = Shelf([{"id": 1}])
    read_listing(shelf.page, "banners", ("id", "name"), 50)
    assert shelf.calls == [
        {
            "fields": "id,name",
            "sorting": "id",
            "_status__in": "active,blocked,deleted",
            "limit": 50,
            "offset": 0,
        }
    ]


def test_objects_added_while_reading_are_read_too() -> None:
    def grow(shelf):
        if len(shelf.calls) == 1:
            shelf.items.append({"id": 999})

    shelf = Shelf([{"id": n} for n in range(1, 101)], before_page=grow)
    assert 999 in dict(read_listing(shelf.page, "banners", ("id",), 50))


def test_a_listing_that_shifts_under_the_offset_is_read_again() -> None:
    def insert_in_front(shelf):
        if len(shelf.calls) == 1:
            shelf.items.insert(0, {"id": 999})

    shelf = Shelf([{"id": n} for n in range(1, 101)], before_page=insert_in_front)
    assert set(dict(read_listing(shelf.page, "banners", ("id",), 50))) == {*range(1, 101), 999}


def test_a_server_that_repeats_its_first_page_is_not_believed() -> None:
    shelf = Shelf([{"id": n} for n in range(1, 101)])

    def stuck(resource, params):
        return shelf.page(resource, {**params, "offset": 0})

    with pytest.raises(ListingUnstable, match="counts 100 objects but 50"):
        read_listing(stuck, "banners", ("id",), 50)


def test_records_without_an_id_are_handed_on_to_be_rejected() -> None:
    shelf = Shelf([{"id": 1}, {"name": "no id"}, {"id": "2"}])
    assert [one for one, _ in read_listing(shelf.page, "banners", ("id",), 50)] == [1, 2, 0]


@pytest.mark.parametrize("field", ["name", "status"])
@pytest.mark.parametrize("text", [rb"\ud83d", b"\xff\xfe", b"a\x00"])
def test_a_broken_character_costs_no_page(text: bytes, field: str) -> None:
    item = b'{"id": 1, "%s": "%s"}' % (field.encode(), text)
    page = _decode_page(b'{"count": 2, "items": [' + item + b', {"id": 2}], "offset": 0}')
    told: list[tuple[str, str, str, str]] = []
    plans = [(at + 1, raw) for at, raw in enumerate(page.items)]
    cabinet = read_cabinet(plans, [], [], lambda *_: pytest.fail("rejected"), lambda *one: told.append(one))
    assert set(cabinet.plans) == {1, 2}
    assert [(dataset, key, path) for dataset, key, path, _ in told] == [("ad_plans", "1", f"$.{field}")]
    assert "\ufffd" in getattr(cabinet.plans[1], field)
