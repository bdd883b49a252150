"""Campaigns, groups, ads and clients as loaders list them, and who may list them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import SEASON_END, Caller
from direct_client import TOKEN, Direct

from api_sandbox.testing import running_sandbox

Start = Callable[..., Caller]
STATES = ["ON", "OFF", "SUSPENDED", "ARCHIVED", "ENDED", "CONVERTED"]
AD_STATES = ["ON", "OFF", "SUSPENDED", "OFF_BY_MONITORING", "ARCHIVED"]


@pytest.fixture(scope="module")
def direct() -> Iterator[Direct]:
    with running_sandbox(orders=160, season_end=SEASON_END, yandex_direct_accounts=2) as sandbox:
        yield Direct(sandbox)


def campaigns(direct: Direct, **more: Any) -> list[dict[str, Any]]:
    found = direct.get("campaigns", SelectionCriteria={"States": STATES}, FieldNames=["Id", "Name", "State"], **more)
    return found["Campaigns"]


def code(error: dict[str, Any]) -> int:
    return error["error_code"]


def test_what_the_cabinet_holds_is_listed_but_the_wizard(direct: Direct) -> None:
    account = direct.accounts[0]
    assert {one["Id"] for one in campaigns(direct)} == {n for n, one in account.campaigns.items() if not one.wizard}
    groups, ads = [], []
    ids = [one["Id"] for one in campaigns(direct)]
    for start in range(0, len(ids), 10):
        chosen = {"CampaignIds": ids[start : start + 10]}
        groups += direct.get("adgroups", SelectionCriteria=chosen, FieldNames=["Id"])["AdGroups"]
        ads += direct.get(
            "ads", SelectionCriteria={**chosen, "States": AD_STATES}, FieldNames=["Id", "State", "Type"],
            TextAdFieldNames=["Href"], ResponsiveAdFieldNames=["Href"],
        )["Ads"]  # fmt: skip
    listed = {number for number, ad in account.ads.items() if not account.campaign_of(ad).wizard}
    assert {one["Id"] for one in ads} == listed < set(account.ads)
    assert {one["Id"] for one in groups} == {account.ads[number].group_id for number in listed}
    for ad in ads:
        if ad["Type"] == "DYNAMIC_TEXT_AD":
            assert set(ad) == {"Id", "State", "Type"}, "it has no link to ask for"
            continue
        structure = {"TEXT_AD": "TextAd", "RESPONSIVE_AD": "ResponsiveAd"}[ad["Type"]]
        assert ad[structure]["Href"] == (account.ads[ad["Id"]].url or None)
        assert set(ad) == {"Id", "State", "Type", structure}
    assert {ad["Type"] for ad in ads} == {"TEXT_AD", "RESPONSIVE_AD", "DYNAMIC_TEXT_AD"}
    assert None in [ad["TextAd"]["Href"] for ad in ads if ad["Type"] == "TEXT_AD"]


def test_archived_ones_come_when_asked_for(direct: Direct) -> None:
    [archived] = [one["Id"] for one in campaigns(direct) if one["State"] == "ARCHIVED"]
    usual = direct.get("campaigns", SelectionCriteria={}, FieldNames=["Id"])["Campaigns"]
    assert archived not in {one["Id"] for one in usual} and len(usual) == len(campaigns(direct)) - 1
    assert direct.get("ads", SelectionCriteria={"CampaignIds": [archived]}, FieldNames=["Id"]) == {}


def test_the_old_base_lists_no_unified_campaign(direct: Direct) -> None:
    old = direct.get("campaigns", base="v5", FieldNames=["Id", "Type"], TextCampaignFieldNames=["TrackingParams"])
    types = {one["Type"] for one in old["Campaigns"]}
    assert "TEXT_CAMPAIGN" in types and "UNIFIED_CAMPAIGN" not in types
    new = direct.get("campaigns", FieldNames=["Type"], UnifiedCampaignFieldNames=["TrackingParams", "CounterIds"])
    unified = [one["UnifiedCampaign"] for one in new["Campaigns"] if one["Type"] == "UNIFIED_CAMPAIGN"]
    assert None in [one["TrackingParams"] for one in unified] and None in [one["CounterIds"] for one in unified]
    assert all("UnifiedCampaign" not in one for one in new["Campaigns"] if one["Type"] != "UNIFIED_CAMPAIGN")


def test_more_pages_are_told_of(fresh: Start) -> None:
    direct = Direct(fresh(yandex_direct_page_size=5).sandbox)
    whole = len([one for one in direct.accounts[0].campaigns.values() if not one.wizard])
    found: list[int] = []
    offset = 0
    while True:
        answer = direct.get(
            "campaigns",
            SelectionCriteria={"States": STATES},
            FieldNames=["Id"],
            Page={"Limit": 10_000, "Offset": offset},
        )
        found += [one["Id"] for one in answer["Campaigns"]]
        if "LimitedBy" not in answer:
            break
        assert answer["LimitedBy"] == len(found)
        offset = answer["LimitedBy"]
    assert len(found) == len(set(found)) == whole > 10
    assert direct.get("campaigns", FieldNames=["Id"], Page={"Limit": 3})["LimitedBy"] == 3
    last = direct.get("campaigns", SelectionCriteria={"Ids": found[:5]}, FieldNames=["Id"])
    assert len(last["Campaigns"]) == 5 and "LimitedBy" not in last, "a full page may be the last one"
    assert code(direct.get("campaigns", FieldNames=["Id"], Page={"Limit": 10_001})) == 8000


def test_nothing_found_is_an_empty_result(direct: Direct) -> None:
    assert direct.get("campaigns", SelectionCriteria={"Ids": [1]}, FieldNames=["Id"]) == {}
    assert direct.get("ads", SelectionCriteria={"Ids": [1, 2]}, FieldNames=["Id"]) == {}
    foreign = next(iter(direct.accounts[1].campaigns))
    own = campaigns(direct)[0]["Id"]
    both = direct.get("campaigns", SelectionCriteria={"Ids": [own, foreign]}, FieldNames=["Id"])
    assert both == {"Campaigns": [{"Id": own}]}, "foreign ids are passed over"


@pytest.mark.parametrize(
    ("service", "params", "wanted"),
    [
        ("campaigns", {"SelectionCriteria": {"Ids": list(range(1001))}, "FieldNames": ["Id"]}, 4001),
        ("adgroups", {"SelectionCriteria": {"CampaignIds": list(range(11))}, "FieldNames": ["Id"]}, 4001),
        ("ads", {"SelectionCriteria": {"CampaignIds": list(range(11))}, "FieldNames": ["Id"]}, 4001),
        ("ads", {"SelectionCriteria": {"AdGroupIds": list(range(1001))}, "FieldNames": ["Id"]}, 4001),
        ("ads", {"SelectionCriteria": {"Ids": list(range(10_001))}, "FieldNames": ["Id"]}, 4001),
        ("adgroups", {"SelectionCriteria": {}, "FieldNames": ["Id"]}, 4001),
        ("ads", {"SelectionCriteria": {"States": ["ON"]}, "FieldNames": ["Id"]}, 4001),
        ("ads", {"SelectionCriteria": {"Ids": []}, "FieldNames": ["Id"]}, 8000),
        ("ads", {"SelectionCriteria": {"Ids": ["1"]}, "FieldNames": ["Id"]}, 8000),
        ("ads", {"SelectionCriteria": {"Ids": [1], "Colour": "red"}, "FieldNames": ["Id"]}, 8000),
        ("campaigns", {}, 8000),
        ("campaigns", {"FieldNames": ["Href"]}, 8000),
        ("clients", {"FieldNames": []}, 8000),
    ],
)
def test_requests_that_are_refused(direct: Direct, service: str, params: dict[str, Any], wanted: int) -> None:
    assert code(direct.get(service, **params)) == wanted


def test_clients_and_agencies(fresh: Start) -> None:
    direct = Direct(fresh(yandex_direct_accounts=2, yandex_direct_currencies="RUB,BYN").sandbox)
    fields = ["Login", "Currency", "VatRate"]
    assert direct.get("clients", FieldNames=fields) == {
        "Clients": [{"Login": "direct-1", "Currency": "RUB", "VatRate": 22}]
    }
    agency = Direct(direct.sandbox, f"{TOKEN}-agency")
    second = {"Login": "direct-2", "Currency": "BYN", "VatRate": 20}
    assert agency.get("agencyclients", SelectionCriteria={}, FieldNames=fields)["Clients"][1] == second
    assert agency.get("clients", login="direct-2", FieldNames=fields)["Clients"] == [second]
    assert code(agency.get("clients", FieldNames=fields)) == 8000, "Client-Login is missing"
    assert code(agency.get("clients", login="direct-3", FieldNames=fields)) == 8800
    assert code(direct.get("agencyclients", FieldNames=fields)) == 54
    assert code(direct.get("clients", login="direct-2", FieldNames=fields)) == 8800, "an advertiser sees its own"
    assert direct.get("clients", login="direct-1", FieldNames=fields)["Clients"]
    for token in ("-", "wrong", f"{TOKEN}-3"):
        assert code(Direct(direct.sandbox, token).get("clients", FieldNames=fields)) == 53
    assert agency.post("/v501/reports", agency.body(("Month", "Cost")), "direct-2").status_code == 200
    assert agency.post("/v501/reports", agency.body(("Month", "Cost"))).status_code == 400


def test_units_are_spent_and_run_out(fresh: Start) -> None:
    direct = Direct(fresh(yandex_direct_units=60).sandbox)  # v5 lists five of its campaigns

    def ask(**params: Any) -> tuple[str | None, Any]:
        answer = direct.post("/v5/campaigns", {"method": "get", "params": params})
        assert answer.headers["RequestId"]
        return answer.headers.get("Units"), answer.json()

    assert ask(SelectionCriteria={"Ids": [1]}, FieldNames=["Id"])[0] == "10/50/60"
    assert ask(FieldNames=["Strange"])[0] == "20/30/60", "a refusal costs more"
    assert ask(FieldNames=["Id"], Page={"Limit": 2})[0] == "12/18/60"
    assert ask(FieldNames=["Id"], Page={"Limit": 10})[0] == "15/3/60"
    assert ask(FieldNames=["Id"], Page={"Limit": 1})[0] == "11/0/60"
    spent, answer = ask(FieldNames=["Id"])
    assert spent is None and code(answer["error"]) == 152
    other = Direct(fresh().sandbox)
    other.sandbox.mutate("use_up_yandex_direct_units")
    assert code(other.get("campaigns", FieldNames=["Id"])) == 152
    other.sandbox.mutate("restore_yandex_direct_units")
    assert other.get("campaigns", FieldNames=["Id"])["Campaigns"]


def test_writing_is_refused_and_noted(fresh: Start) -> None:
    direct = Direct(fresh().sandbox)
    answer = direct.post("/v5/ads", {"method": "suspend", "params": {"SelectionCriteria": {"Ids": [1]}}})
    assert (answer.status_code, answer.json()["error"]["error_code"]) == (200, 8000)
    assert direct.sandbox.violations == [{"method": "POST suspend", "path": "/api/yandex_direct/json/v5/ads"}]
    assert code(direct.post("/v5/changes", {"method": "get", "params": {}}).json()["error"]) == 8000


def test_personal_data_is_where_a_loader_must_not_take_it_from(direct: Direct) -> None:
    client = direct.get("clients", FieldNames=["Representatives"])["Clients"][0]
    mail = client["Representatives"][0]["Email"]
    assert mail in set(direct.sandbox.season.personal_data())
