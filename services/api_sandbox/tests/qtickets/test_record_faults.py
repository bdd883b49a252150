"""Faults inside records: one field a record, the same every time, and a truth that knows which."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from conftest import Caller

from api_sandbox.qtickets.record_faults import FIELDS
from api_sandbox.season.truth import ROUBLES

Start = Callable[..., Caller]


def differences(before: Any, after: Any, path: str = "$") -> list[str]:
    """JSON paths at which two documents differ."""
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        steps = [f"{path}[{at}]" if path.endswith("baskets") else f"{path}.{key}" for at, key in enumerate(before)]
        pairs = zip(before, steps, strict=True)
        return [found for key, step in pairs for found in differences(before[key], after[key], step)]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [found for at, (one, two) in pairs for found in differences(one, two, f"{path}[{at}]")]
    return [] if before == after and type(before) is type(after) else [path]


def general(path: str) -> str:
    return re.sub(r"\[[^\]]+\]", "[]", path.removeprefix("$."))


@pytest.mark.parametrize("rank", ["descriptive", "identity", "ignored"])
@pytest.mark.parametrize(("dataset", "route"), [("orders", "/orders"), ("events", "/events")])
def test_one_field_of_every_record_is_spoilt_and_the_truth_says_which(
    fresh: Start, dataset: str, route: str, rank: str
) -> None:
    caller = fresh(orders=900, season_days=200)
    before = {row["id"]: row for row in caller.all_rows(route)}
    caller.sandbox.inject("spoil", route=f"*{route}", times=0, rank=rank, seed=3)
    after = {row["id"]: row for row in caller.all_rows(route)}
    told = {one["id"]: one for one in caller.sandbox.damages() if one["dataset"] == dataset}
    assert before.keys() == after.keys() == told.keys()
    for number, row in before.items():
        assert differences(row, after[number]) in ([told[number]["path"]], []), "one field, the one that was told"
    assert sum(bool(differences(row, after[number])) for number, row in before.items()) >= 0.9 * len(before)
    assert {one["rank"] for one in told.values()} == {rank}
    if dataset == "orders":
        assert {general(one["path"]) for one in told.values()} == set(FIELDS[dataset][rank])
    # The same on another page and in another order.
    again = {row["id"]: row for row in caller.all_rows(route, {"orderBy": {"id": "desc"}})}
    assert again == after


def test_a_share_of_the_records_is_struck_and_a_path_can_be_asked_for(fresh: Start) -> None:
    caller = fresh(orders=900)
    caller.sandbox.inject("spoil", route="*/orders", times=0, share=0.1, paths=["baskets[].price"], rank="identity")
    found = caller.sandbox.damages()
    assert 50 < len(found) < 140
    assert {general(one["path"]) for one in found} == {"baskets[].price"}


def test_orders_without_identity_are_missing_from_the_truth_and_nothing_else_is(fresh: Start) -> None:
    caller = fresh(orders=600)
    whole = caller.sandbox.roi()
    caller.sandbox.inject("spoil", route="*/orders", times=0, share=0.3, rank="identity")
    rejected = {one["id"] for one in caller.sandbox.damages()}
    left = caller.sandbox.roi()
    season = caller.sandbox.season

    def revenue(rows: list[dict[str, Any]]) -> Decimal:
        return sum((Decimal(row["revenue"]) for row in rows), Decimal(0))

    kept = [order for number, order in season.orders.items() if number not in rejected and order.payed]
    assert sum(row["tickets_sold"] for row in left) == sum(
        ticket.deleted_at is None and ticket.refunded_at is None for order in kept for ticket in order.tickets
    )
    assert revenue(left) < revenue(whole)
    for rank in ("descriptive", "ignored"):
        caller.sandbox.reset()
        caller.sandbox.inject("spoil", route="*/orders", times=0, rank=rank)
        assert caller.sandbox.roi() == whole


def test_an_event_without_a_readable_city_keeps_its_sales(fresh: Start) -> None:
    caller = fresh(orders=600)
    whole = caller.sandbox.roi()
    caller.sandbox.inject("spoil", route="*/events", times=0, paths=["city.name"])
    spoilt = caller.sandbox.roi()
    assert {row["city"] for row in spoilt if row["tickets_sold"]} == {"unattributed"}
    for figure in ("tickets_sold", "revenue", "spend"):
        assert sum(Decimal(str(row[figure])) for row in spoilt) == sum(Decimal(str(row[figure])) for row in whole)


MONEY = ("price", "original_price", "discount_value", "service_fee_amount", "refunded_amount")


def amounts(caller: Caller) -> list[tuple[str, Any]]:
    """(name, amount) of every ticket, numbers as the digits that were sent."""
    rows: list[dict[str, Any]] = []
    for number in range(1, 100):
        page = json.loads(caller.qtickets("/orders", {"page": number}).text, parse_float=Decimal, parse_int=Decimal)
        rows += page["data"]
        if len(rows) >= page["paging"]["total"]:
            break
    found = []
    for row in rows:
        baskets = row["baskets"]
        for basket in baskets if isinstance(baskets, list) else baskets.values():
            found += [(name, basket[name]) for name in MONEY]
    return found


@pytest.mark.parametrize("form", ["noise", "fraction", "string", "spaced", "exponent"])
def test_money_in_every_form_is_the_same_money(fresh: Start, form: str) -> None:
    caller = fresh()
    before, roi = amounts(caller), caller.sandbox.roi()
    caller.sandbox.inject("money", route="*/orders", times=0, form=form)
    after = amounts(caller)
    assert caller.sandbox.roi() == roi
    odd = 0
    for (name, plain), (_, sent) in zip(before, after, strict=True):
        if plain is None or plain == 0:
            assert sent == plain
            continue
        assert isinstance(sent, str) is (form in ("string", "spaced")), name
        read = Decimal(re.sub(r"\s", "", sent)) if isinstance(sent, str) else sent
        assert read.quantize(Decimal("0.01"), ROUND_HALF_UP) == plain
        odd += read != plain
        if form == "noise":
            assert abs(read - plain) < Decimal("1e-8")
        if form == "fraction":
            assert read - plain in (0, Decimal("0.001"), Decimal("-0.001"))
    assert (odd > 100) is (form in ("noise", "fraction"))


def test_fractions_of_a_kopeck_cancel_out_over_an_order(fresh: Start) -> None:
    caller = fresh()
    before = {row["id"]: row for row in caller.all_rows("/orders")}
    caller.sandbox.inject("money", route="*/orders", times=0, form="fraction")
    for row in caller.all_rows("/orders"):
        baskets = row["baskets"] if isinstance(row["baskets"], list) else list(row["baskets"].values())
        total = sum(Decimal(str(basket["price"])) for basket in baskets)
        assert total == Decimal(str(row["price"])), "the order's price is still the sum of its tickets"
        assert abs(total - Decimal(str(before[row["id"]]["price"]))) <= Decimal("0.001")
        for basket in baskets:
            original, discount = Decimal(str(basket["original_price"])), Decimal(str(basket["discount_value"]))
            assert Decimal(str(basket["price"])) == original - discount


@pytest.mark.parametrize(
    ("form", "sign"),
    [("surrogate", rb"\ud83d\""), ("nul", rb"\u0000"), ("control", rb"\u001b"), ("bidi", "\u202e".encode()),
     ("huge", ("ж" * 32_768).encode()), ("emoji", "🎭".encode()), ("invalid_utf8", b"\xff\xfe")],
)  # fmt: skip
def test_odd_characters_are_really_sent(fresh: Start, form: str, sign: bytes) -> None:
    caller = fresh()
    roi = caller.sandbox.roi()
    caller.sandbox.inject("text", route="*/orders", times=0, form=form, share=0.2)
    caller.sandbox.inject("text", route="*/events", times=0, form=form)
    sign = sign.replace(rb"\"", b'"') if form == "surrogate" else sign
    for route in ("/orders", "/events"):
        assert sign in caller.qtickets(route).content, route
    if form == "invalid_utf8":
        with pytest.raises(UnicodeDecodeError):
            caller.qtickets("/orders").content.decode()
    assert caller.sandbox.roi() == roi, "no text that decides where money belongs is touched"
    assert not any("utm_content" in one["path"] for one in caller.sandbox.damages())


def test_a_single_order_is_damaged_as_in_the_list(fresh: Start) -> None:
    caller = fresh()
    caller.sandbox.inject("spoil", route="*/orders*", times=0)
    first = caller.qtickets("/orders").json()["data"][0]
    assert caller.qtickets(f"/orders/{first['id']}").json()["data"] == first


@pytest.mark.parametrize("stamp", ["back", "equal", "absent"])
def test_a_refund_may_leave_an_older_time_or_none(fresh: Start, stamp: str) -> None:
    caller = fresh()
    before = {order.id: order.updated_at for order in caller.sandbox.season.orders.values()}
    revenue = sum(Decimal(row["revenue"]) for row in caller.sandbox.roi())
    (number,) = caller.sandbox.mutate("refund_orders", count=1, combination=0, stamp=stamp, at="2026-11-20T12:00:00")
    order = caller.sandbox.season.orders[number]
    row = caller.qtickets(f"/orders/{number}").json()["data"]
    baskets = row["baskets"] if isinstance(row["baskets"], list) else list(row["baskets"].values())
    assert all(basket["refunded_at"] for basket in baskets if not basket["deleted_at"])
    if stamp == "absent":
        assert row["updated_at"] is None
        where = [{"column": "updated_at", "operator": ">=", "value": "2000-01-01T00:00:00+03:00"}]
        assert number not in [one["id"] for one in caller.all_rows("/orders", {"where": where})]
    else:
        assert order.updated_at == before[number] - (86_400 if stamp == "back" else 0)
    assert all(ticket.updated_at <= before[number] for ticket in order.tickets)
    assert sum(Decimal(row["revenue"]) for row in caller.sandbox.roi()) < revenue
    caller.sandbox.mutate("update_orders", ids=[number])  # a later change of an order without a time


@pytest.mark.parametrize(
    ("form", "sign"),
    [("no_break_hyphen", "\u2011"), ("en_dash", "\u2013"), ("spaced_hyphen", " - "), ("zero_width", "\u200b"),
     ("latin", "latin letters")],
)  # fmt: skip
def test_a_city_that_only_looks_the_same_is_the_same_city(fresh: Start, form: str, sign: str) -> None:
    caller = fresh()
    roi = caller.sandbox.roi()
    (number,) = caller.sandbox.mutate("respell_event_city", count=1, form=form)
    name = caller.qtickets(f"/events/{number}").json()["data"]["city"]["name"]
    assert sign in name or (form == "latin" and re.search("[a-zA-Z]", name))
    assert caller.sandbox.roi() == roi


def test_an_event_that_moves_takes_its_figures_along(fresh: Start) -> None:
    caller = fresh(orders=500)
    city = next(row["city"] for row in caller.sandbox.roi() if row["tickets_sold"] and row["city"] != "орел")
    movers = [e.id for e in caller.sandbox.season.events.values() if e.city.key == city and e.appeal > 0]
    caller.sandbox.mutate("change_event_city", ids=movers, city="орел")
    assert city not in {row["city"] for row in caller.sandbox.roi() if row["tickets_sold"]}
    assert caller.qtickets(f"/events/{movers[0]}").json()["data"]["city"]["name"] == "Орёл"
    with pytest.raises(ValueError, match="no such city: париж; known are москва"):
        caller.sandbox.mutate("change_event_city", city="париж")


def test_links_in_cp1251_name_the_same_city(fresh: Start) -> None:
    caller = fresh(orders=600, vk_banners=400)
    roi = caller.sandbox.roi()
    touched = caller.sandbox.mutate("cp1251_utm", count=3)
    token = caller.vk_grant().json()["access_token"]
    urls = [
        row["urls"]["primary"]["url"]
        for row in caller.vk_rows("banners", token, fields="id,urls", _id__in=",".join(map(str, touched)))
    ]
    assert len(urls) == 3 and all("%" in url and "%D0" not in url for url in urls)
    orders = [row for row in caller.all_rows("/orders") if row["utm"] and "%" in row["utm"].get("utm_content", "")]
    assert orders and all(row["utm"]["utm_content"].isascii() for row in orders)
    assert caller.sandbox.roi() == roi


def test_a_cabinet_becomes_a_foreign_one(fresh: Start) -> None:
    caller = fresh(vk_accounts=2)
    spend = sum(Decimal(row["spend"]) for row in caller.sandbox.roi())
    caller.sandbox.mutate("change_vk_currency", count=1, currency="USD")
    cabinets = {account.name: account.currency for account in caller.sandbox.season.accounts}
    assert [cabinets[name] for *_, name in caller.sandbox.vk_clients] == [ROUBLES, "USD"]
    abroad = sum(Decimal(row["spend"]) for row in caller.sandbox.foreign_spend())
    assert 0 < abroad == spend - sum(Decimal(row["spend"]) for row in caller.sandbox.roi())
    with pytest.raises(ValueError, match="must be a code like USD, found 'dollars'"):
        caller.sandbox.mutate("change_vk_currency", currency="dollars")


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"kind": "money"}, "money: form must be one of noise, fraction"),
        ({"kind": "text", "form": "noise"}, "text: form must be one of surrogate"),
        ({"kind": "spoil", "rank": "important"}, "Invalid enum value 'important'"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_a_sentence(fresh: Start, fault: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fresh().sandbox.inject(**fault)


def test_every_field_has_a_rank_once() -> None:
    for dataset, ranks in FIELDS.items():
        named = Counter(name for fields in ranks.values() for name in fields)
        assert set(named.values()) == {1}, dataset
