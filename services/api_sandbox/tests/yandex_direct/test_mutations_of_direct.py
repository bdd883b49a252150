"""Statistics, campaigns and tokens that change between two requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from conftest import SEASON_END, Caller
from direct_client import TOKEN, Direct

from api_sandbox.season.moscow_time import today

Start = Callable[..., Caller]
Key = tuple[str, str, str]


@pytest.fixture
def direct(fresh: Start) -> Direct:
    return Direct(fresh(yandex_direct_online_rows=10**6, yandex_direct_requests=10**6).sandbox)


def figures(direct: Direct) -> dict[Key, tuple[int, int, Decimal, str]]:
    return {
        (row["Date"], row["AdId"], row["AdNetworkType"]): (
            int(row["Impressions"]), int(row["Clicks"]), Decimal(row["Cost"]), row["Conversions"],
        )
        for row in direct.report()
    }  # fmt: skip


def changed(before: dict[Key, Any], after: dict[Key, Any]) -> set[Key]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def borders(direct: Direct, since: datetime) -> dict[int, str]:
    ids = [number for number, one in direct.accounts[0].campaigns.items() if not one.wizard]
    stamp = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    params = {"CampaignIds": [*ids, 1], "Timestamp": stamp, "FieldNames": ["CampaignsStat"]}
    answer = direct.post("/v501/changes", {"method": "check", "params": params}).json()["result"]
    assert answer["NotFound"] == {"CampaignIds": [1]} and answer["Timestamp"].endswith("Z")
    return {one["CampaignId"]: one["BorderDate"] for one in answer["Modified"].get("CampaignsStat", [])}


def now() -> datetime:
    return datetime.now(UTC)


def test_recent_days_are_revised(direct: Direct) -> None:
    before = figures(direct)
    touched = direct.sandbox.mutate("revise_yandex_direct_days", days=3)
    after = figures(direct)
    recent = str(SEASON_END - timedelta(days=2))
    places = changed(before, after)
    assert {(day, ad) for day, ad, _ in places} == {(day, ad) for day, ad, _ in before if day >= recent} != set()
    assert {int(ad) for _, ad, _ in places if ad != "--"} <= set(touched)


def test_an_old_day_is_corrected_downwards_and_changes_tell(direct: Direct) -> None:
    began = now() - timedelta(seconds=1)
    assert borders(direct, began) == {}
    before = figures(direct)
    [number] = direct.sandbox.mutate("correct_yandex_direct_day", days=30)
    day = str(SEASON_END - timedelta(days=30))
    after = figures(direct)
    places = changed(before, after)
    assert {(one, ad) for one, ad, _ in places} == {(day, str(number))}
    assert sum(after[key][2] for key in places) < sum(before[key][2] for key in places)
    account = direct.accounts[0]
    campaign = account.campaign_of(account.ads[number]).id
    assert borders(direct, began) == {campaign: day}
    direct.sandbox.mutate("correct_yandex_direct_day", days=10, ids=[number])
    assert borders(direct, began) == {campaign: day}, "the earliest day counts"
    assert borders(direct, now() + timedelta(seconds=2)) == {}
    asked = {"method": "checkCampaigns", "params": {"Timestamp": began.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    answer = direct.post("/v501/changes", asked).json()["result"]
    assert answer["Campaigns"] == [{"CampaignId": campaign, "ChangesIn": ["STAT"]}]
    roi = sum(Decimal(row["spend"]) for row in direct.sandbox.roi(advertising=["yandex_direct"]))
    assert roi == sum(row[2] for row in figures(direct).values()), "the truth follows"


def test_a_correction_lengthens_auto(fresh: Start) -> None:
    direct = Direct(fresh(season_end=today() - timedelta(days=1), yandex_direct_online_rows=10**6).sandbox)

    def days() -> list[str]:
        rows = direct.report(("Date", "Cost"), SelectionCriteria={}, DateRangeType="AUTO")
        return sorted({row["Date"] for row in rows})

    assert len(days()) == 3
    direct.sandbox.mutate("correct_yandex_direct_day", days=20)
    assert days()[0] == str(today() - timedelta(days=21)) and days()[-1] == str(today() - timedelta(days=1))


def test_a_row_vanishes(direct: Direct) -> None:
    before = figures(direct)
    [number] = direct.sandbox.mutate("vanish_yandex_direct_rows", days=5)
    after = figures(direct)
    gone = before.keys() - after.keys()
    assert {ad for _, ad, _ in gone} == {str(number)} and changed(before, after) == gone
    with pytest.raises(ValueError, match="no day with spend"):
        for _ in range(9):
            direct.sandbox.mutate("vanish_yandex_direct_rows", days=5, ids=[number])


def test_conversions_grow_and_nothing_tells_of_it(direct: Direct) -> None:
    began, before = now() - timedelta(seconds=1), figures(direct)
    direct.sandbox.mutate("grow_yandex_direct_conversions", days=21)
    after = figures(direct)
    places = changed(before, after)
    assert min(day for day, _, _ in places) == str(SEASON_END - timedelta(days=20))
    assert all(before[key][:3] == after[key][:3] for key in places)
    assert all(int(after[key][3]) > int(before[key][3]) for key in places)
    assert "--" in {row[3] for row in after.values()} and borders(direct, began) == {}


def test_new_ads_are_listed_and_counted(direct: Direct) -> None:
    began = (now() - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    new = direct.sandbox.mutate("add_yandex_direct_ads", count=2, days=4)
    listed = direct.get("ads", SelectionCriteria={"Ids": new}, FieldNames=["Id", "CampaignId"])["Ads"]
    assert {one["Id"] for one in listed} == set(new)
    assert {row["Date"] for row in direct.report() if row["AdId"] == str(new[0])} == {
        str(SEASON_END - timedelta(days=back)) for back in range(4)
    }
    params = {"CampaignIds": [one["CampaignId"] for one in listed], "Timestamp": began, "FieldNames": ["AdIds"]}
    answer = direct.post("/v501/changes", {"method": "check", "params": params}).json()["result"]
    assert set(answer["Modified"]["AdIds"]) == set(new)


def test_a_campaign_gets_another_name(direct: Direct) -> None:
    names_before = {row["CampaignId"]: row["CampaignName"] for row in direct.report()}
    [number] = direct.sandbox.mutate("rename_yandex_direct_campaigns")
    names = direct.get("campaigns", SelectionCriteria={"Ids": [number]}, FieldNames=["Name"])["Campaigns"]
    assert names[0]["Name"].endswith("(новое название)")
    rows = [row for row in direct.report() if row["CampaignId"] == str(number)]
    old = names_before[str(number)]
    assert {row["CampaignName"] for row in rows if row["Date"] < str(SEASON_END)} == {old}, "old days keep the old name"


def test_a_cabinet_spends_another_currency(direct: Direct) -> None:
    spend = sum(Decimal(row["spend"]) for row in direct.sandbox.roi(advertising=["yandex_direct"]))
    direct.sandbox.mutate("change_yandex_direct_currency", currency="KZT")
    [client] = direct.get("clients", FieldNames=["Currency", "VatRate"])["Clients"]
    assert client == {"Currency": "KZT", "VatRate": 16}
    foreign = direct.sandbox.foreign_spend(advertising=["yandex_direct"])
    assert {row["currency"] for row in foreign} == {"KZT"} and sum(Decimal(row["spend"]) for row in foreign) == spend
    with pytest.raises(ValueError, match="must be a code like USD"):
        direct.sandbox.mutate("change_yandex_direct_currency", currency="tenge")


def test_a_token_ends_in_mid_run_and_another_one_opens(direct: Direct) -> None:
    changed = [("add", "other"), ("remove", TOKEN)]
    mutations = [{"kind": f"{verb}_yandex_direct_token", "token": token} for verb, token in changed]
    direct.sandbox.inject("mutate", route="*/reports", nth=2, mutations=mutations)
    body = direct.body(("Month", "Cost"))
    assert [direct.post("/v501/reports", body).status_code for _ in range(2)] == [200, 400]
    assert Direct(direct.sandbox, "other").get("clients", FieldNames=["Login"])["Clients"] == [{"Login": "direct-1"}]
    assert direct.sandbox.truth("yandex_direct")["tokens"] == ["other"]
    assert Direct(direct.sandbox, f"{TOKEN}-agency").get("agencyclients", FieldNames=["Login"])["Clients"]
    with pytest.raises(ValueError, match="token is missing"):
        direct.sandbox.mutate("add_yandex_direct_token")


def test_a_token_of_before_opens_until_it_is_revoked(direct: Direct) -> None:
    direct.sandbox.mutate("add_yandex_direct_token", token="other")
    for token in (TOKEN, "other"):
        assert Direct(direct.sandbox, token).get("clients", FieldNames=["Login"])["Clients"] == [{"Login": "direct-1"}]
