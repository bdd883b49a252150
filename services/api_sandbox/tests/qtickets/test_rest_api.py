"""The Qtickets routes, pages, filters and errors of facts section 1."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from conftest import Caller

from api_sandbox.season.moscow_time import iso


def tickets(order: dict[str, Any]) -> list[dict[str, Any]]:
    """The tickets of an order, whichever way PHP encoded their list."""
    baskets = order["baskets"]
    return baskets if isinstance(baskets, list) else list(baskets.values())


def ids(answer: httpx2.Response) -> list[int]:
    return [row["id"] for row in answer.json()["data"]]


@pytest.mark.parametrize(
    ("path", "size"),
    [("/orders", 50), ("/events", 10), ("/clients", 100), ("/discounts", 100), ("/promo-codes", 500)],
)
def test_page_sizes_are_fixed_and_pages_add_up(shared: Caller, path: str, size: int) -> None:
    first = shared.qtickets(path, {"perPage": 7, "per_page": 7, "limit": 7}).json()
    assert first["paging"] == {"perPage": size, "currentPage": 1, "total": first["paging"]["total"]}
    assert set(first) == {"data", "paging"}
    assert len(first["data"]) == min(size, first["paging"]["total"])
    rows = [row["id"] for row in shared.all_rows(path)]
    assert rows == sorted(set(rows)) and len(rows) == first["paging"]["total"] > size


def test_page_one_holds_the_oldest_orders(shared: Caller) -> None:
    rows = shared.qtickets("/orders").json()["data"]
    assert [row["id"] for row in rows] == list(shared.sandbox.season.orders)[:50]
    assert shared.qtickets("/orders", {"page": 10_000}).json()["data"] == []


def test_query_string_is_ignored(shared: Caller) -> None:
    plain = shared.qtickets("/orders").json()
    assert shared.qtickets("/orders?payed=1&page=3&per_page=200&since=2026-01-01").json() == plain


def test_filters_in_the_body_are_anded(shared: Caller) -> None:
    season = shared.sandbox.season
    moment = sorted(order.updated_at for order in season.orders.values())[400]
    where = [{"column": "payed", "value": 1}, {"column": "updated_at", "operator": ">=", "value": iso(moment)}]
    wanted = [o.id for o in season.orders.values() if o.payed and o.updated_at >= moment]
    assert [row["id"] for row in shared.all_rows("/orders", {"where": where})] == wanted


@pytest.mark.parametrize(
    ("condition", "keeps"),
    [
        ({"column": "deleted_at", "operator": "null"}, lambda o: o.deleted_at is None),
        ({"column": "payed", "operator": "!=", "value": 1}, lambda o: not o.payed),
        ({"column": "payed", "value": True}, lambda o: o.payed),
        ({"column": "payed_at", "operator": "<", "value": "2026-10-20T00:00:00+03:00"}, None),
        ({"column": "price", "operator": ">", "value": 5000}, lambda o: o.price > 500_000),
        ({"column": "discount_id", "operator": "null"}, lambda o: o.discount_id is None),
    ],
)
def test_operators(shared: Caller, condition: dict, keeps) -> None:
    if keeps is None:
        keeps = lambda o: o.payed_at is not None and iso(o.payed_at) < "2026-10-20"  # noqa: E731
    season = shared.sandbox.season
    wanted = [o.id for o in season.orders.values() if keeps(o)]
    assert 0 < len(wanted) < len(season.orders)
    assert [row["id"] for row in shared.all_rows("/orders", {"where": [condition]})] == wanted


@pytest.mark.parametrize("name", ["in", "in array"])
def test_membership_and_its_negation(shared: Caller, name: str) -> None:
    some = list(shared.sandbox.season.orders)[5:60:9]
    where = [{"column": "id", "operator": name, "value": some}]
    assert ids(shared.qtickets("/orders", {"where": where})) == some
    where[0]["operator"] = name.replace("in", "not in", 1)
    assert not set(ids(shared.qtickets("/orders", {"where": where}))) & set(some)


def test_a_time_with_another_offset_is_the_same_moment(shared: Caller) -> None:
    def total(text: str) -> int:
        where = [{"column": "created_at", "operator": "<", "value": text}]
        return shared.qtickets("/orders", {"where": where}).json()["paging"]["total"]

    assert total("2026-11-01T00:00:00+03:00") == total("2026-10-31T21:00:00+00:00") > 0


def test_paging_by_key_sees_what_paging_by_number_sees(shared: Caller) -> None:
    where = [{"column": "payed", "value": 1}]
    by_number = [row["id"] for row in shared.all_rows("/orders", {"where": where})]
    by_key: list[int] = []
    last = 0
    while True:
        answer = shared.qtickets(
            "/orders", {"where": [*where, {"column": "id", "operator": ">", "value": last}], "orderBy": {"id": "asc"}}
        ).json()
        assert answer["paging"]["total"] == len(by_number) - len(by_key)
        if not answer["data"]:
            break
        by_key += [row["id"] for row in answer["data"]]
        last = by_key[-1]
    assert by_key == by_number


def test_closed_window_of_ids(shared: Caller) -> None:
    every = list(shared.sandbox.season.orders)
    where = [
        {"column": "id", "operator": ">=", "value": every[10]},
        {"column": "id", "operator": "<", "value": every[20]},
    ]
    assert ids(shared.qtickets("/orders", {"where": where})) == every[10:20]
    assert ids(shared.qtickets("/orders", {"where": where, "orderBy": {"id": "desc"}})) == every[10:20][::-1]


def test_order_by_another_column(shared: Caller) -> None:
    moments = [row["updated_at"] for row in shared.all_rows("/orders", {"orderBy": {"updated_at": "desc"}})]
    assert moments == sorted(moments, reverse=True)


@pytest.mark.parametrize(
    "body",
    [
        {"where": [{"column": "no_such_column", "value": 1}]},
        {"where": [{"column": "payed", "operator": "like", "value": 1}]},
        {"where": [{"column": "updated_at", "operator": ">=", "value": "yesterday"}]},
        {"where": {"column": "payed"}},
        {"where": [{"value": 1}]},
        {"where": [{"column": "id", "operator": "in", "value": 5}]},
        {"orderBy": {"id": "sideways"}},
        {"orderBy": ["id"]},
        {"page": 0},
        {"page": "many"},
        "text",
    ],
)
def test_malformed_filter_is_an_unexplained_503(shared: Caller, body: object) -> None:
    answer = shared.qtickets("/orders", body)
    assert answer.status_code == 503
    assert answer.json() == {"error": "Unknown error", "status": 503, "code": "UNKNOWN_ERROR", "info": []}


def test_bad_or_missing_token_is_403(shared: Caller) -> None:
    assert shared.qtickets("/orders", token="wrong").status_code == 403
    assert shared.http.get("/api/rest/v1/events").status_code == 403


def test_one_object_and_unknown_ids(shared: Caller) -> None:
    order = next(iter(shared.sandbox.season.orders))
    assert shared.qtickets(f"/orders/{order}").json()["data"]["id"] == order
    for path in ("/orders/1", "/events/999999999", "/shows/1/seats", "/shows/1/barcodes"):
        answer = shared.qtickets(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_FOUND"), path
        assert answer.json()["info"]["resource"] in ("Order", "Event", "Show")


@pytest.mark.parametrize("path", ["/barcodes", "/scanning/1", "/events/33500/seats", "/price-shades", "/nothing"])
def test_unknown_routes_are_an_html_page(shared: Caller, path: str) -> None:
    answer = shared.qtickets(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html") and "<html" in answer.text


def test_post_orders_is_refused_and_counted(fresh) -> None:
    caller = fresh()
    before = len(caller.sandbox.season.orders)
    answer = caller.qtickets("/orders", {"where": [{"column": "payed", "value": 1}]}, method="POST")
    assert answer.status_code == 503
    caller.qtickets("/orders/1", method="DELETE")
    assert caller.http.get("/sandbox/violations").json() == {
        "count": 2,
        "violations": [
            {"method": "POST", "path": "/api/rest/v1/orders"},
            {"method": "DELETE", "path": "/api/rest/v1/orders/1"},
        ],
    }
    assert len(caller.sandbox.season.orders) == before


def test_orders_look_like_the_recorded_ones(shared: Caller) -> None:
    orders = shared.all_rows("/orders")
    stamp = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+03:00")
    for order in orders:
        assert stamp.fullmatch(order["created_at"]) and stamp.fullmatch(order["updated_at"])
        assert order["payed"] is (order["deleted_at"] is None)
        assert order["price"] == pytest.approx(sum(basket["price"] for basket in tickets(order)))
        for basket in tickets(order):
            assert basket["price"] == pytest.approx(basket["original_price"] - basket["discount_value"])
            assert (basket["barcode"] is None) is (basket["deleted_at"] is not None)
            assert not {"city", "event_name", "status"} & set(basket)
    assert [] in [order["utm"] for order in orders], "PHP's empty map"
    assert any(isinstance(order["utm"], dict) for order in orders)
    assert {type(order["fields"]) for order in orders} == {list, dict}
    assert {type(order["custom"]) for order in orders} == {str, dict}
    assert any(isinstance(order["price"], float) for order in orders), "kopecks occur"
    assert any(order["promo_code_id"] for order in orders) and any(order["discount_id"] for order in orders)


def test_events_carry_shows_with_a_hall_plan_of_the_configured_size(fresh) -> None:
    caller = fresh(scheme_bytes=50_000)
    season = caller.sandbox.season
    events = caller.all_rows("/events")
    assert [event["id"] for event in events] == list(season.events)
    assert any(event["deleted_at"] for event in events), "deleted events are returned too"
    assert [type(event["city"]) for event in events if not event["deleted_at"]].count(dict) == len(events) - 1
    raw = caller.qtickets("/events", {"where": [{"column": "id", "value": events[0]["id"]}]}).content
    assert 0.8 < len(raw) / (50_000 * len(events[0]["shows"])) < 1.4
    assert events[0]["shows"][0]["start_date"].endswith("+03:00")


def test_multilingual_event_names(fresh) -> None:
    assert set(fresh(multilingual=True).qtickets("/events").json()["data"][0]["name"]) == {"ru", "en"}


def test_seats_are_a_dict_and_count_only_what_is_selected(shared: Caller) -> None:
    season = shared.sandbox.season
    show = max((s for s in season.shows.values() if not s.admission), key=lambda s: s.seats_taken)
    path = f"/shows/{show.id}/seats"
    plain = shared.qtickets(path, {"flat": True}).json()["data"]
    assert isinstance(plain, dict) and "free_quantity" not in next(iter(plain.values()))
    select = ["seat_id", "free_quantity", "ordered_quantity", "payed_quantity", "max_quantity"]
    seats = shared.qtickets(path, {"flat": True, "select": select}).json()["data"]
    assert all(key == seat["seat_id"] and set(seat) == set(select) for key, seat in seats.items())
    sold = sum(
        t.show_id == show.id and t.deleted_at is None and t.refunded_at is None
        for o in season.orders.values()
        for t in o.tickets
    )
    assert sum(seat["payed_quantity"] for seat in seats.values()) == sold > 0
    assert all(seat["free_quantity"] >= 0 for seat in seats.values())
    assert shared.qtickets(path, {"flat": True, "select": ["no_such_field"]}).status_code == 503


def test_admission_shows_have_one_zone(shared: Caller) -> None:
    show = next(s for s in shared.sandbox.season.shows.values() if s.admission and s.seats_taken)
    (seat,) = (
        shared.qtickets(f"/shows/{show.id}/seats", {"flat": True, "select": ["free_quantity", "max_quantity"]})
        .json()["data"]
        .values()
    )
    assert 0 < seat["free_quantity"] <= seat["max_quantity"]


def test_barcodes_are_a_bare_list_of_valid_tickets(shared: Caller) -> None:
    show = max(shared.sandbox.season.shows.values(), key=lambda s: s.seats_taken)
    found = shared.qtickets(f"/shows/{show.id}/barcodes").json()
    assert isinstance(found, list) and found
    valid = {
        basket["barcode"]
        for order in shared.all_rows("/orders")
        if order["payed"]
        for basket in tickets(order)
        if basket["show_id"] == show.id and basket["deleted_at"] is None and not basket.get("refunded_at")
    }
    assert {entry["barcode"] for entry in found} == valid


def test_color_themes(shared: Caller) -> None:
    assert len(shared.qtickets("/color-themes").json()["data"]) > 1


def test_clients_are_the_buyers_of_the_orders(shared: Caller) -> None:
    clients = {client["id"]: client for client in shared.all_rows("/clients")}
    order = shared.qtickets("/orders").json()["data"][0]
    assert order["client"] == clients[order["client_id"]]
    assert order["client"]["email"] in set(shared.sandbox.season.personal_data())
