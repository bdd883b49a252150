"""Cabinets and tokens that change while they are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from conftest import SEASON_END, Caller

Start = Callable[..., Caller]


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
