"""The season changes while it is read: what the next answer and the truth then say."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from conftest import Caller

from api_sandbox.season.moscow_time import iso, now

Start = Callable[..., Caller]
AT = "2026-11-20T15:00:00+03:00"


def order(caller: Caller, number: int) -> dict:
    return caller.qtickets(f"/orders/{number}").json()["data"]


def revenue(caller: Caller) -> Decimal:
    return sum((Decimal(row["revenue"]) for row in caller.sandbox.roi()), Decimal(0))


def test_orders_inserted_while_paging_come_last_and_move_the_total(fresh: Start) -> None:
    caller = fresh()
    before = list(caller.sandbox.season.orders)
    caller.sandbox.inject(
        "mutate", route="*/orders", page=2, mutations=[{"kind": "insert_orders", "count": 3, "at": AT}]
    )
    pages = [caller.qtickets("/orders", {"page": n}).json() for n in (1, 2, 3, 4)]
    assert [p["paging"]["total"] for p in pages] == [160, 163, 163, 163]
    seen = [row["id"] for p in pages for row in p["data"]]
    assert seen[:160] == before and len(seen) == 163 and seen == sorted(seen)
    new = order(caller, seen[-1])
    assert new["created_at"] == new["updated_at"] == new["payed_at"] == AT
    assert revenue(caller) == sum(Decimal(row["revenue"]) for row in caller.sandbox.roi())


def test_rows_that_leave_the_filter_shift_the_pages_after_them(fresh: Start) -> None:
    """The trap of paging under a mutable filter: the sandbox must have it, or no test could see it avoided."""
    caller = fresh()
    body = {"where": [{"column": "deleted_at", "operator": "null"}]}
    everybody = [row["id"] for row in caller.all_rows("/orders", body)]
    first = caller.qtickets("/orders", body).json()["data"]
    gone = [row["id"] for row in first[:5]]
    assert caller.sandbox.mutate("cancel_orders", ids=gone, at=AT) == gone
    second = caller.qtickets("/orders", {**body, "page": 2}).json()["data"]
    seen = {row["id"] for row in first + second}
    assert set(everybody[:100]) - seen == set(everybody[50:55])


def test_cancelled_orders_earn_nothing(fresh: Start) -> None:
    caller = fresh()
    before = revenue(caller)
    (number,) = caller.sandbox.mutate("cancel_orders", at=AT)
    found = order(caller, number)
    assert found["deleted_at"] == found["updated_at"] == AT
    assert all(basket["deleted_at"] and basket["barcode"] is None for basket in found["baskets"])
    assert revenue(caller) < before


def test_refunds_lower_revenue_by_exactly_what_was_given_back(fresh: Start) -> None:
    caller = fresh()
    before = revenue(caller)
    numbers = caller.sandbox.mutate("refund_orders", count=3, combination=1, at=AT)
    assert len(numbers) == 3
    given = sum(
        Decimal(str(basket["refunded_amount"]))
        for number in numbers
        for basket in order(caller, number)["baskets"]
        if basket.get("refunded_at") == AT
    )
    assert revenue(caller) == before - given < before


def test_unpaid_orders_can_be_paid_later(fresh: Start) -> None:
    caller = fresh()
    before = revenue(caller)
    (number,) = caller.sandbox.mutate("insert_orders", payed=False, at="2026-11-20T14:00:00+03:00")
    waiting = order(caller, number)
    assert (waiting["payed"], waiting["deleted_at"], waiting["payed_at"]) == (False, None, None)
    assert revenue(caller) == before
    caller.sandbox.mutate("pay_orders", ids=[number], at=AT)
    assert order(caller, number)["payed_at"] == AT
    assert revenue(caller) == before + Decimal(str(waiting["price"]))


def test_updates_move_updated_at_only(fresh: Start) -> None:
    caller = fresh()
    number = next(iter(caller.sandbox.season.orders))
    before = order(caller, number)
    caller.sandbox.mutate("update_orders", ids=[number], at=AT)
    assert order(caller, number) == {**before, "updated_at": AT}


def test_removed_orders_are_gone_without_a_trace(fresh: Start) -> None:
    caller = fresh()
    (number,) = caller.sandbox.mutate("remove_orders")
    assert caller.qtickets(f"/orders/{number}").status_code == 404
    assert caller.qtickets("/orders").json()["paging"]["total"] == 159


def test_events_change_and_go(fresh: Start) -> None:
    caller = fresh()
    (touched,) = caller.sandbox.mutate("update_events", at=AT)
    (deleted,) = caller.sandbox.mutate("delete_events", at=AT)
    assert caller.qtickets(f"/events/{touched}").json()["data"]["updated_at"] == AT
    assert caller.qtickets(f"/events/{deleted}").json()["data"]["deleted_at"] == AT


def test_a_moment_may_be_relative_to_now(fresh: Start) -> None:
    caller = fresh()
    (number,) = caller.sandbox.mutate("update_orders", at="-300")
    assert order(caller, number)["updated_at"] in {iso(now() - 300 - late) for late in range(30)}


def test_the_same_mutations_give_the_same_season(fresh: Start) -> None:
    outcomes = []
    for _ in range(2):
        caller = fresh()
        caller.sandbox.mutate("insert_orders", count=4, at=AT)
        caller.sandbox.mutate("refund_orders", count=4, at=AT)
        caller.sandbox.mutate("revise_vk_days")
        outcomes.append(caller.sandbox.roi())
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "cancel_orders", "ids": [1]}, "no such id"),
        ({"kind": "pay_orders"}, "only 0 are suitable"),
        ({"kind": "update_orders", "at": "tomorrow"}, "at: expected"),
    ],
)
def test_impossible_mutations_say_why(fresh: Start, fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fresh().sandbox.mutate(**fields)
