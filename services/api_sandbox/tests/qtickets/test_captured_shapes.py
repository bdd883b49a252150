"""The simulator's JSON against recorded live answers: every path with its types, both ways."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Caller

REPOSITORY = Path(__file__).resolve().parents[4]
# beside the loader that reads them
(CAPTURES,) = (file.parent for file in REPOSITORY.glob("integrations/*/tests/captures/qtickets_order.json"))
_NAMES = {dict: "object", list: "array", str: "string", bool: "bool", int: "int", float: "float", type(None): "null"}
Shape = set[tuple[str, str]]

DOCUMENT = "the vendor's document: money is a JSON number of roubles, with kopecks"
REFUNDS = "the vendor's document: refunded tickets carry these; no refund was ever recorded"
PHP = "PHP encodes an empty map as a list and a list with holes as an object; recorded for utm and for rows of zones"
EARLIER = "recorded in another account's answers, before these captures (facts of the API, grade B)"
CLIENT = "third-party clients read it so (grade C)"

# What the simulator answers beyond the recorded answers, and where it is from.
BEYOND: dict[str, dict[tuple[str, str], str]] = {
    "orders": {
        **{
            (f".data[].{path}", "float"): DOCUMENT
            for path in (
                "price",
                *(
                    f"baskets[].{name}"
                    for name in (
                        "price",
                        "discount_value",
                        "ticket_amount",
                        "service_fee_amount",
                        "refunded_amount",
                        "refunded_deduction_amount",
                    )
                ),
            )
        },
        (".data[].baskets[].refunded_at", "string"): REFUNDS,
        (".data[].baskets", "object"): PHP,
        (".data[].custom", "object"): EARLIER,
        (".data[].custom.var1", "string"): EARLIER,
        (".data[].fields", "object"): EARLIER,
        (".data[].fields.comment", "string"): EARLIER,
        (".data[].integrations[]", "object"): EARLIER,
        (".data[].integrations[].source_name", "string"): EARLIER,
        (".data[].integrations[].source_id", "int"): EARLIER,
        (".data[].integrations", "object"): "recorded for one order by its id (qtickets_order.json)",
        (".data[].integrations.roistat", "object"): "recorded for one order by its id",
        (".data[].integrations.roistat.roistat_visit", "null"): "recorded for one order by its id",
        (".data[].client.details.middlename", "string"): EARLIER,
        (".data[].baskets[].client_middlename", "string"): EARLIER,
    },
    "events": {
        (".data[].city", "array"): PHP,
        (".data[].name", "object"): CLIENT,
        (".data[].name.ru", "string"): CLIENT,
        (".data[].name.en", "string"): CLIENT,
        **{(f".data[].shows[].{name}", "int"): CLIENT for name in ("min_price", "max_price")},
        (".data[].shows[].deleted_at", "string"): "an event called off; recorded for events, documented for shows",
    },
    "discounts": {
        (".data[].shows[].sale_start_date", "string"): "recorded for the same show in `GET /events`",
    },
    "promo_codes": {},
}


def shape(document: Any) -> Shape:
    """Every path with the types found there. Names of zones and rows are one name; so are places in a list."""
    return set(_walk(document, ""))


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    yield path, _NAMES[type(value)]
    if isinstance(value, dict):
        # Names of zones and numbers of rows are data; an order's tickets under numbers are its list.
        free = re.search(r"\.(zones|rows)$", path)
        for key, inner in value.items():
            step = ".*" if free else "[]" if path.endswith(".baskets") else f".{key}"
            yield from _walk(inner, path + step)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, path + "[]")


def captured(name: str) -> Shape:
    return shape(json.loads((CAPTURES / f"qtickets_{name}.json").read_text()))


def simulated(caller: Caller, route: str) -> Shape:
    page = caller.qtickets(route).json()
    return shape({"data": caller.all_rows(route), "paging": page["paging"]})


@pytest.mark.parametrize(
    ("name", "route"),
    [("orders", "/orders"), ("events", "/events"), ("discounts", "/discounts"), ("promo_codes", "/promo-codes")],
)
def test_the_lists_have_the_recorded_shape_and_nothing_unexplained(shared: Caller, name: str, route: str) -> None:
    recorded, found = captured(name), simulated(shared, route)
    assert recorded - found == set(), "recorded, and never simulated"
    assert found - recorded - set(BEYOND[name]) == set(), "simulated, neither recorded nor explained"
    assert set(BEYOND[name]) - (found - recorded) == set(), "explained, and not needed any more"


def test_every_season_meets_both_forms_of_each_union(fresh: Callable[..., Caller]) -> None:
    """A small season of another seed shows what the large one shows."""
    caller = fresh(seed=5, season_days=45)
    for name, route in (("orders", "/orders"), ("events", "/events")):
        missing = captured(name) - simulated(caller, route)
        assert missing == set(), name
    events = caller.all_rows("/events")
    assert {type(show["min_price"]) for event in events for show in event["shows"]} == {dict, int, type(None)}
    assert {type(event["name"]) for event in events} == {str, dict}
    assert {type(event["city"]) for event in events} == {list, dict}
    orders = caller.all_rows("/orders")
    assert {type(order["baskets"]) for order in orders} == {list, dict}
    assert {type(order["integrations"]) for order in orders} == {list, dict}


def test_one_order_has_the_recorded_shape(shared: Caller) -> None:
    found: Shape = set()
    for number in list(shared.sandbox.season.orders)[:200]:
        found |= shape(shared.qtickets(f"/orders/{number}").json())
    as_list = {(path.replace(".data[]", ".data", 1), kind) for path, kind in simulated(shared, "/orders")}
    assert captured("order") <= found <= as_list


def test_errors_have_the_recorded_shape(shared: Caller) -> None:
    unknown = shared.qtickets("/orders/4360")
    assert unknown.status_code == 404
    assert unknown.json() == json.loads((CAPTURES / "qtickets_error_404.json").read_text())
    refused = shared.qtickets("/orders", {"page": 0})
    assert (refused.status_code, refused.json()) == (
        503,
        json.loads((CAPTURES / "qtickets_error_503.json").read_text()),
    )


def test_exhibitions_last_for_weeks_and_sell_all_the_while(shared: Caller) -> None:
    season = shared.sandbox.season
    long = [show for show in season.shows.values() if show.finishes_at - show.starts_at > 20 * 86_400]
    assert len(long) >= 2 and all(season.events[show.event_id].exhibition for show in long)
    late = [
        order
        for order in season.orders.values()
        for show in long
        if order.event_id == show.event_id and order.payed and order.created_at > show.starts_at + 7 * 86_400
    ]
    assert len(late) > 10
    event = shared.qtickets(f"/events/{long[0].event_id}").json()["data"]
    assert event["shows"][0]["sale_finish_date"] == event["shows"][0]["finish_date"]
    assert all(zone["rows"] == [""] for zone in event["shows"][0]["scheme_properties"]["zones"].values())


def test_nearly_free_tickets_are_sold_too(shared: Caller) -> None:
    shares = {
        ticket.price / ticket.original_price
        for order in shared.sandbox.season.orders.values()
        for ticket in order.tickets
    }
    assert any(share <= 0.011 for share in shares), "recorded: tickets for 4 roubles and for nothing"


def test_a_lapsed_ticket_has_zeros_of_a_refund_that_never_was(shared: Caller) -> None:
    """As recorded: only the time tells a refund from a ticket that lapsed unpaid."""

    def states(orders: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
        names = ("refunded_at", "refunded_amount", "refunded_deduction_amount")
        empty = ("deleted_at", "barcode", "pdf_url")
        return {
            (order["payed"], *(ticket[name] for name in names), *(ticket[name] is None for name in empty))
            for order in orders
            for ticket in (order["baskets"] if isinstance(order["baskets"], list) else order["baskets"].values())
            if ticket["refunded_at"] is None
        }

    recorded = states(json.loads((CAPTURES / "qtickets_orders.json").read_text())["data"])
    assert len(recorded) == 2 and recorded <= states(shared.all_rows("/orders"))
