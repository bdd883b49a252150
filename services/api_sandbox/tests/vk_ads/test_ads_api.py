"""Tokens, listings, statistics and limits of facts section 2."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from conftest import SEASON_END, Caller

from api_sandbox.vk_ads.limits import RateLimits


@pytest.fixture(scope="module")
def token(shared: Caller) -> str:
    return shared.vk_grant().json()["access_token"]


def test_sixth_token_is_refused_until_they_are_deleted(fresh: Callable[..., Caller]) -> None:
    caller = fresh()
    answers = [caller.vk_grant() for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [403]
    assert {type(answer.json()["expires_in"]) for answer in answers[:5]} == {str, int}
    client_id, secret, _ = caller.sandbox.vk_clients[0]
    gone = caller.http.post("/api/v2/oauth2/token/delete.json", data={"client_id": client_id, "client_secret": secret})
    assert gone.status_code == 204
    dead = caller.vk("ad_plans.json", answers[0].json()["access_token"])
    assert (dead.status_code, dead.json()["code"]) == (401, "invalid_token")
    assert caller.vk_grant().status_code == 200


def test_refresh_kills_the_old_pair_and_costs_no_place(fresh: Callable[..., Caller]) -> None:
    caller = fresh()
    old = [caller.vk_grant().json() for _ in range(5)][-1]
    new = caller.vk_grant(grant_type="refresh_token", refresh_token=old["refresh_token"])
    assert new.status_code == 200
    assert caller.vk("ad_plans.json", new.json()["access_token"]).status_code == 200
    assert caller.vk("ad_plans.json", old["access_token"]).status_code == 401
    again = caller.vk_grant(grant_type="refresh_token", refresh_token=old["refresh_token"])
    assert (again.status_code, again.json()["code"]) == (401, "invalid_token")


def test_wrong_credentials(shared: Caller) -> None:
    answer = shared.vk_grant(client_secret="wrong")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_client")
    assert set(answer.json()) == {"code", "message"}
    assert shared.vk_grant(client_id="nobody").status_code == 401
    assert shared.vk("ad_plans.json", "unknown").json()["code"] == "invalid_token"
    assert shared.vk_grant(grant_type="password").status_code == 400


def test_expiry(fresh: Callable[..., Caller]) -> None:
    caller = fresh(vk_token_seconds=0)
    pair = caller.vk_grant().json()
    assert caller.vk("ad_plans.json", pair["access_token"]).json()["code"] == "expired_token"
    assert caller.vk_grant(grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == 200


def test_each_client_sees_its_own_cabinet_and_the_agency_sees_all(fresh: Callable[..., Caller]) -> None:
    caller = fresh(vk_accounts=3, vk_banners=40)
    seen = []
    for client_id, secret, name in caller.sandbox.vk_clients:
        own = caller.vk_grant(client_id=client_id, client_secret=secret).json()["access_token"]
        plans = {row["id"] for row in caller.vk_rows("ad_plans", own)}
        agency_id, agency_secret = caller.sandbox.vk_agency
        asked = {"client_id": agency_id, "client_secret": agency_secret, "agency_client_name": name}
        through = caller.vk_grant(grant_type="agency_client_credentials", **asked).json()["access_token"]
        assert {row["id"] for row in caller.vk_rows("ad_plans", through)} == plans
        seen.append(plans)
    assert not seen[0] & seen[1] and not seen[1] & seen[2] and all(seen)
    stranger = caller.vk_grant(
        grant_type="agency_client_credentials",
        client_id=agency_id,
        client_secret=agency_secret,
        agency_client_name="nobody",
    )
    assert (stranger.status_code, stranger.json()["code"]) == (401, "invalid_user")
    not_an_agency = caller.vk_grant(grant_type="agency_client_credentials", agency_client_name="kabinet-1")
    assert not_an_agency.status_code == 401


def test_the_user_tells_its_cabinet_and_the_currency_it_spends(fresh: Callable[..., Caller]) -> None:
    caller = fresh(vk_accounts=3, vk_currencies="RUB,USD")
    found = []
    for client_id, secret, _ in caller.sandbox.vk_clients:
        token = caller.vk_grant(client_id=client_id, client_secret=secret).json()["access_token"]
        usual = caller.vk("user.json", token)
        assert "account" not in usual.json() and "X-RateLimit-RPS-Limit" in usual.headers
        asked = caller.vk("user.json", token, fields="id,currency,account").json()
        assert set(asked) == {"id", "currency", "account"}
        assert usual.json()["currency"] == asked["currency"] == asked["account"]["currency"]
        found.append((usual.json()["username"], asked["account"]["currency"]))
    assert found == [("kabinet-1", "RUB"), ("kabinet-2", "USD"), ("kabinet-3", "USD")]
    wrong = caller.vk("user.json", token, fields="id,colour")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "ERR_WRONG_PARAMETER")
    assert caller.vk("user.json", "unknown").status_code == 401


def test_dollars_are_never_added_to_roubles(fresh: Callable[..., Caller]) -> None:
    roubles, mixed = (fresh(vk_accounts=2, vk_currencies=codes).sandbox for codes in ("RUB", "RUB,USD"))
    assert roubles.foreign_spend() == []
    foreign = mixed.foreign_spend()
    assert {row["currency"] for row in foreign} == {"USD"} and set(foreign[0]) >= {"d", "city", "spend", "clicks"}
    for figure in ("spend", "clicks", "impressions"):
        together = sum(Decimal(str(row[figure])) for row in mixed.roi(advertising=["vk_ads"]) + foreign)
        assert together == sum(Decimal(str(row[figure])) for row in roubles.roi(advertising=["vk_ads"]))
        assert 0 < sum(Decimal(str(row[figure])) for row in foreign) < together
    first = mixed.season.accounts_of("vk_ads")[0]
    own = sum(stat.spent for banner in first.banners.values() for stat in banner.days.values())
    assert sum(Decimal(row["spend"]) for row in mixed.roi(advertising=["vk_ads"])) * 100 == own
    revenue = [[row["revenue"] for row in box.roi() if row["tickets_sold"]] for box in (roubles, mixed)]
    assert revenue[0] == revenue[1], "what was sold does not depend on the currency of an advertisement"


def test_listings_page_by_offset_with_small_defaults(shared: Caller, token: str) -> None:
    account = shared.sandbox.season.accounts[0]
    first = shared.vk("banners.json", token).json()
    assert len(first["items"]) == 20 and set(first["items"][0]) == {"id", "ad_group_id"}
    assert set(first) == {"count", "offset", "items"}
    big = shared.vk("banners.json", token, limit=250, _status__in="active,blocked,deleted").json()
    assert len(big["items"]) == min(50, len(account.banners)) and big["count"] == len(account.banners)
    assert {row["id"] for row in shared.vk_rows("banners", token)} == set(account.banners)
    assert shared.vk("banners.json", token, offset=100_000).json()["items"] == []


def test_deleted_objects_come_only_when_asked_for(fresh: Callable[..., Caller]) -> None:
    caller = fresh(vk_banners=200)
    token = caller.vk_grant().json()["access_token"]
    account = caller.sandbox.season.accounts[0]
    deleted = {banner.id for banner in account.banners.values() if banner.status == "deleted"}
    assert deleted
    usual = set()
    while chunk := caller.vk("banners.json", token, limit=50, offset=len(usual)).json()["items"]:
        usual |= {row["id"] for row in chunk}
    assert usual == set(account.banners) - deleted
    asked = caller.vk("banners.json", token, limit=50, _status__in="deleted").json()
    assert {row["id"] for row in asked["items"]} <= deleted and asked["count"] == len(deleted)


def test_filters_sorting_and_the_whole_hierarchy(shared: Caller, token: str) -> None:
    plans = shared.vk_rows("ad_plans", token, fields="id,name,status")
    groups = shared.vk_rows("ad_groups", token, fields="id,name,ad_plan_id,utm,enable_utm", sorting="-id")
    banners = shared.vk_rows("banners", token, fields="id,name,status,ad_group_id,urls,created,updated")
    assert [g["id"] for g in groups] == sorted((g["id"] for g in groups), reverse=True)
    assert {g["ad_plan_id"] for g in groups} == {p["id"] for p in plans}
    assert {b["ad_group_id"] for b in banners} == {g["id"] for g in groups}
    one = shared.vk("banners.json", token, _id__in=f"{banners[0]['id']},1", _status__in="active,blocked,deleted")
    assert [row["id"] for row in one.json()["items"]] == [banners[0]["id"]]
    assert "T" not in banners[0]["created"] and "+" not in banners[0]["updated"]
    texts = [g["utm"] for g in groups] + [b["urls"]["primary"]["url"] for b in banners]
    assert any("{{banner_id}}" in text for text in texts), "automatic marking"
    assert any(g["utm"].startswith("utm_source=vk&") and "_" in g["utm"] for g in groups), "hand-written in the group"
    assert any("utm_content=" in b["urls"]["primary"]["url"] for b in banners), "hand-written in the link"
    assert any(not g["enable_utm"] for g in groups)


@pytest.mark.parametrize("query", [{"fields": "id,nonsense"}, {"limit": "x"}, {"sorting": "x"}, {"_status__in": "x"}])
def test_wrong_listing_parameters(shared: Caller, token: str, query: dict[str, str]) -> None:
    answer = shared.vk("banners.json", token, **query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ERR_WRONG_PARAMETER")


def statistics(shared: Caller, token: str, ids: list[int], first: date, last: date, level: str = "banners"):
    return shared.vk(
        f"statistics/{level}/day.json",
        token,
        id=",".join(map(str, ids)),
        date_from=first,
        date_to=last,
        metrics="base",
    )


def test_statistics_equal_the_season(shared: Caller, token: str) -> None:
    season = shared.sandbox.season
    account = season.accounts[0]
    answer = statistics(shared, token, list(account.banners), season.first_day, SEASON_END).json()
    assert [item["id"] for item in answer["items"]] == list(account.banners)
    spent = Decimal(0)
    for item in answer["items"]:
        days = account.banners[item["id"]].days
        assert [row["date"] for row in item["rows"]] == [day.isoformat() for day in sorted(days)]
        for row in item["rows"]:
            stat, base = days[date.fromisoformat(row["date"])], row["base"]
            assert (base["shows"], base["clicks"], base["goals"]) == (stat.shows, stat.clicks, stat.goals)
            assert isinstance(base["spent"], str) and Decimal(base["spent"]) * 100 == stat.spent
        total = sum((Decimal(row["base"]["spent"]) for row in item["rows"]), Decimal(0))
        assert Decimal(item["total"]["base"]["spent"]) == total
        spent += total
    assert Decimal(answer["total"]["base"]["spent"]) == spent > 0
    zeros = [row["base"] for item in answer["items"] for row in item["rows"] if row["base"]["shows"] == 0]
    assert zeros and zeros[0]["spent"] == "0", "a day without impressions may be a row of zeros"


def test_days_without_impressions_may_be_missing(shared: Caller, token: str) -> None:
    account = shared.sandbox.season.accounts[0]
    gaps = 0
    for banner in account.banners.values():
        days = sorted(banner.days)
        gaps += bool(days) and (days[-1] - days[0]).days + 1 > len(days)
    assert gaps > 5


@pytest.mark.parametrize("level", ["ad_groups", "ad_plans", "users"])
def test_upper_levels_add_up(shared: Caller, token: str, level: str) -> None:
    season = shared.sandbox.season
    account = season.accounts[0]
    ids = {"ad_groups": list(account.groups), "ad_plans": list(account.plans), "users": [account.user_id]}[level]
    answer = statistics(shared, token, ids, season.first_day, SEASON_END, level).json()
    expected = sum(stat.spent for banner in account.banners.values() for stat in banner.days.values())
    assert Decimal(answer["total"]["base"]["spent"]) * 100 == expected
    assert Decimal(sum(Decimal(item["total"]["base"]["spent"]) for item in answer["items"])) * 100 == expected


def test_dates_are_inclusive(shared: Caller, token: str) -> None:
    banner = max(shared.sandbox.season.accounts[0].banners.values(), key=lambda b: len(b.days))
    day = sorted(banner.days)[3]
    (item,) = statistics(shared, token, [banner.id], day, day).json()["items"]
    assert [row["date"] for row in item["rows"]] == [day.isoformat()]


def test_one_unknown_or_foreign_id_fails_the_batch(shared: Caller, token: str) -> None:
    own, foreign = (list(account.banners) for account in shared.sandbox.season.accounts_of("vk_ads"))
    for stranger in (1, foreign[0]):
        answer = statistics(shared, token, [*own[:5], stranger], SEASON_END, SEASON_END)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ERR_WRONG_IDS")
        assert str(stranger) not in answer.text, "the service does not say which"


@pytest.mark.parametrize(
    ("ids", "first", "last", "code"),
    [
        (range(1, 202), SEASON_END, SEASON_END, "ERR_LIMIT_EXCEEDED"),
        ([1], SEASON_END - timedelta(days=366), SEASON_END, "ERR_WRONG_DATE"),
        ([1], SEASON_END, SEASON_END - timedelta(days=1), "ERR_WRONG_DATE"),
        ([1], "2026-02-30", SEASON_END, "ERR_WRONG_DATE"),
        ([], SEASON_END, SEASON_END, "ERR_WRONG_PARAMETER"),
    ],
)
def test_statistics_limits(shared: Caller, token: str, ids: list[int], first: date, last: date, code: str) -> None:
    answer = statistics(shared, token, list(ids), first, last)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_exactly_366_days_are_allowed(shared: Caller, token: str) -> None:
    banner = next(iter(shared.sandbox.season.accounts[0].banners))
    assert statistics(shared, token, [banner], SEASON_END - timedelta(days=365), SEASON_END).status_code == 200


def test_rate_headers_count_down_to_429_per_method(fresh: Callable[..., Caller]) -> None:
    caller = fresh(vk_rps=1000, vk_hourly=3)
    token = caller.vk_grant().json()["access_token"]
    answers = [caller.vk("ad_plans.json", token) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Hourly-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["X-RateLimit-Daily-Limit"] == "200000"
    assert "Retry-After" not in answers[3].headers, "undocumented, so not sent"
    assert caller.vk("ad_groups.json", token).status_code == 200, "another method has its own count"


def test_limits_by_second_hour_and_moscow_day() -> None:
    moment = [0.0]
    limits = RateLimits(lambda: moment[0], rps=2, hourly=5, daily=8)
    assert [limits.take(1, "m")[0] for _ in range(3)] == [True, True, False]
    assert limits.take(2, "m")[0], "another user"
    moment[0] = 1.5
    assert [limits.take(1, "m")[0] for _ in range(3)] == [True, True, False]
    moment[0] = 3.0
    assert [limits.take(1, "m")[0] for _ in range(2)] == [True, False], "five an hour"
    moment[0] = 3600.0
    assert limits.take(1, "m")[0]
    moment[0] = 7200.0
    assert [limits.take(1, "m")[0] for _ in range(2)] == [True, True]
    moment[0] = 10_800.0
    assert not limits.take(1, "m")[0], "eight a day"
    moment[0] = 21 * 3600.0 - 1
    assert not limits.take(1, "m")[0], "Moscow midnight is at 21:00 UTC"
    moment[0] = 21 * 3600.0
    assert limits.take(1, "m")[0]


def test_unknown_vk_route_is_json(shared: Caller) -> None:
    answer = shared.http.get("/api/v2/nothing.json")
    assert answer.status_code == 404 and "error" in answer.json()
