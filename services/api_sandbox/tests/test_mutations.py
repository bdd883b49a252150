"""The season changes while it is read: what the next answer and the truth then say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from conftest import SEASON_END, Caller

from api_sandbox.moscow_time import iso, now

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


def test_revised_days_change_and_older_ones_do_not(fresh: Start) -> None:
    caller = fresh()
    token = caller.vk_grant().json()["access_token"]
    season = caller.sandbox.season
    ids = ",".join(map(str, season.accounts[0].banners))

    def spent() -> dict[tuple[int, str], str]:
        answer = caller.vk(
            "statistics/banners/day.json", token, id=ids, date_from=season.first_day, date_to=SEASON_END
        ).json()
        return {(i["id"], row["date"]): row["base"]["spent"] for i in answer["items"] for row in i["rows"]}

    before = spent()
    touched = caller.sandbox.mutate("revise_vk_days", days=3)
    after = spent()
    recent = (SEASON_END - timedelta(days=2)).isoformat()
    changed = {place for place in before if before[place] != after[place]}
    assert changed == {place for place in before if place[1] >= recent and before[place] != "0"} != set()
    assert {number for number, _ in changed} == set(touched)


def test_new_banners_are_listed_and_counted(fresh: Start) -> None:
    caller = fresh()
    token = caller.vk_grant().json()["access_token"]
    before = sum(Decimal(row["spend"]) for row in caller.sandbox.roi())
    new = caller.sandbox.mutate("add_vk_banners", count=2)
    assert set(new) <= {row["id"] for row in caller.vk_rows("banners", token)}
    answer = caller.vk(
        "statistics/banners/day.json", token, id=",".join(map(str, new)), date_from=SEASON_END, date_to=SEASON_END
    ).json()
    assert all(item["rows"] for item in answer["items"])
    assert sum(Decimal(row["spend"]) for row in caller.sandbox.roi()) > before


def test_a_listed_id_may_be_unknown_to_statistics(fresh: Start) -> None:
    caller = fresh()
    token = caller.vk_grant().json()["access_token"]
    (bad,) = caller.sandbox.mutate("hide_vk_statistics")
    banners = [row["id"] for row in caller.vk_rows("banners", token)]
    assert bad in banners

    def status(ids: list[int]) -> int:
        return caller.vk(
            "statistics/banners/day.json",
            token,
            id=",".join(map(str, ids)),
            date_from=SEASON_END,
            date_to=SEASON_END,
        ).status_code

    assert status(banners) == 404
    assert status([number for number in banners if number != bad]) == 200
    caller.sandbox.mutate("show_vk_statistics", ids=[bad])
    assert status(banners) == 200


def test_qtickets_token_revoked_in_mid_run(fresh: Start) -> None:
    caller = fresh()
    caller.sandbox.inject("mutate", route="*/orders", nth=3, mutations=[{"kind": "revoke_qtickets_tokens"}])
    statuses = [caller.qtickets("/orders", {"page": n}).status_code for n in (1, 2, 3, 4)]
    assert statuses == [200, 200, 403, 403]
    caller.sandbox.mutate("restore_qtickets_tokens")
    assert caller.qtickets("/orders").status_code == 200


def test_qtickets_tokens_come_and_go_one_by_one(fresh: Start) -> None:
    caller = fresh()
    assert caller.qtickets("/orders", token="second").status_code == 403
    caller.sandbox.mutate("add_qtickets_token", token="second")
    assert caller.qtickets("/orders", token="second").status_code == 200
    assert caller.qtickets("/orders").status_code == 200
    caller.sandbox.mutate("remove_qtickets_token", token=caller.sandbox.qtickets_token)
    assert caller.qtickets("/orders").status_code == 403
    assert caller.qtickets("/orders", token="second").status_code == 200


def test_vk_secret_changes_and_live_tokens_stay(fresh: Start) -> None:
    caller = fresh()
    token = caller.vk_grant().json()["access_token"]
    caller.sandbox.mutate("change_vk_secret", token="second")
    assert caller.vk_grant().status_code == 401
    assert caller.vk_grant(client_secret="second").status_code == 200
    assert caller.vk("ad_plans.json", token).status_code == 200


@pytest.mark.parametrize(
    ("kind", "code", "refreshes"),
    [
        ("expire_vk_tokens", "expired_token", 200),
        ("revoke_vk_tokens", "revoked_token", 401),
        ("delete_vk_tokens", "invalid_token", 401),
    ],
)
def test_vk_tokens_end_in_mid_run(fresh: Start, kind: str, code: str, refreshes: int) -> None:
    caller = fresh()
    pair = caller.vk_grant().json()
    caller.sandbox.inject("mutate", route="*/banners.json", nth=2, mutations=[{"kind": kind}])
    assert caller.vk("banners.json", pair["access_token"]).status_code == 200
    ended = caller.vk("banners.json", pair["access_token"])
    assert (ended.status_code, ended.json()["code"]) == (401, code)
    assert caller.vk_grant(grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == refreshes


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
