"""How a click on an ad arrives, and the truth against a second computation from what the API tells."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from conftest import SEASON_END
from direct_client import Direct

from api_sandbox.season.cities import resolve_utm_city
from api_sandbox.season.truth import event_city
from api_sandbox.testing import running_sandbox
from api_sandbox.yandex_direct.macros import resolved

AD_STATES = ["ON", "OFF", "SUSPENDED", "OFF_BY_MONITORING", "ARCHIVED"]


@pytest.fixture(scope="module", params=[0.0, 0.5])
def direct(request: Any) -> Any:
    with running_sandbox(
        orders=1500,
        season_end=SEASON_END,
        yandex_direct_ads=90,
        yandex_direct_wizards=2,
        yandex_direct_requests=10**6,
        yandex_direct_online_rows=10**6,
        yandex_direct_orders_only_share=request.param,
    ) as sandbox:
        yield Direct(sandbox)


def listed(direct: Direct) -> dict[int, tuple[dict[str, str], dict[str, str]]]:
    """Ad → the parameters with which a visitor arrives and those of its link, from the API's answers alone."""
    found = {}
    campaigns = direct.get(
        "campaigns", SelectionCriteria={"States": ["ON", "ARCHIVED"]}, FieldNames=["Id", "Type"],
        TextCampaignFieldNames=["TrackingParams"], UnifiedCampaignFieldNames=["TrackingParams"],
        DynamicTextCampaignFieldNames=["TrackingParams"],
    )["Campaigns"]  # fmt: skip
    for campaign in campaigns:
        chosen = {"CampaignIds": [campaign["Id"]]}
        kinds = ("TextCampaign", "UnifiedCampaign", "DynamicTextCampaign")
        tracking = next((campaign[kind]["TrackingParams"] for kind in kinds if kind in campaign), None)
        groups = direct.get("adgroups", SelectionCriteria=chosen, FieldNames=["Id", "TrackingParams"])["AdGroups"]
        blocks = {group["Id"]: group["TrackingParams"] or tracking or "" for group in groups}
        ads = direct.get(
            "ads", SelectionCriteria={**chosen, "States": AD_STATES}, FieldNames=["Id", "AdGroupId"],
            TextAdFieldNames=["Href"], ResponsiveAdFieldNames=["Href"],
        )["Ads"]  # fmt: skip
        for ad in ads:
            href = (ad.get("TextAd") or ad.get("ResponsiveAd") or {}).get("Href")
            own = dict(parse_qsl(urlsplit(href or "").query))
            macros = {"{ad_id}": ad["Id"], "{banner_id}": ad["Id"], "{campaign_id}": campaign["Id"]}
            arrives = {**own, **dict(parse_qsl(blocks[ad["AdGroupId"]]))}
            for macro, value in macros.items():
                arrives = {name: text.replace(macro, str(value)) for name, text in arrives.items()}
            found[ad["Id"]] = arrives, own
    return found


def city_of(content: str) -> str | None:
    parts = content.rsplit("_", 2)
    return resolve_utm_city(parts[0]) if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal() else None


def test_the_truth_equals_what_the_api_tells(direct: Direct) -> None:
    ads, season = listed(direct), direct.sandbox.season
    sold: dict[int, str] = {}
    for order in season.orders.values():
        content = (order.utm or {}).get("utm_content", "")
        if order.payed and content.isdecimal():
            sold[int(content)] = event_city(season.events[order.event_id])
    figures: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for row in direct.report():
        arrives, own = ads.get(int(row["AdId"]), ({}, {})) if row["AdId"] != "--" else ({}, {})
        marks = [city_of(one.get("utm_content", "")) for one in (arrives, own)]
        city = sold.get(int(row["AdId"].replace("--", "0"))) or marks[0] or marks[1] or "unattributed"
        for place, name in enumerate(("Impressions", "Clicks", "Cost")):
            figures[row["Date"], city][place] += Decimal(row[name])
    truth = {
        (row["d"], row["city"]): [Decimal(row[name]) for name in ("impressions", "clicks", "spend")]
        for row in direct.sandbox.roi(advertising=["yandex_direct"])
    }
    assert {key: row for key, row in truth.items() if any(row)} == figures
    assert len({city for _, city in figures}) > 5 and "unattributed" in {city for _, city in figures}


def test_every_form_of_mark_occurs(direct: Direct) -> None:
    forms = set()
    without_link = {ad.id for account in direct.accounts for ad in account.ads.values() if not ad.url}
    for number, (arrives, own) in listed(direct).items():
        content = arrives.get("utm_content", "")
        if content == str(number) and number in without_link:
            forms.add("automatic without a link")
        elif content == str(number):
            forms.add("automatic over a mark" if city_of(own.get("utm_content", "")) else "automatic alone")
        elif city := city_of(content):
            hidden = city_of(own.get("utm_content", ""))
            forms.add(
                "link" if own == arrives else "over that of another city" if hidden not in (city, None) else "group"
            )
        else:
            forms.add("none")
    wanted = {"automatic over a mark", "link", "over that of another city", "none", "automatic without a link"}
    assert forms >= wanted
    half = any(settings == 0.5 for settings in [direct.sandbox.settings.values()["yandex_direct_orders_only_share"]])
    assert ("automatic alone" in forms) == half, "a setting makes ads whose city only orders tell"


def test_orders_come_from_its_ads(direct: Direct) -> None:
    ads = {str(number) for account in direct.accounts for number in account.ads}
    arrived = [
        order.utm for order in direct.sandbox.season.orders.values() if (order.utm or {}).get("utm_content") in ads
    ]
    assert len(arrived) > 30
    own = [order.utm for order in direct.sandbox.season.orders.values() if order.utm and "utm_content" in order.utm]
    assert all(
        utm["utm_content"] in ads for utm in own if utm["utm_source"] == "yandex" and utm["utm_content"].isdecimal()
    )
    by_macro = {utm["utm_medium"] for utm in arrived}
    assert by_macro == {"cpc", "search"}, "through the campaign's block and through the group's"
    campaigns = {str(number) for account in direct.accounts for number in account.campaigns}
    assert {utm["utm_campaign"] for utm in arrived} & campaigns
    assert not any("{" in text for utm in arrived for text in utm.values()), "macros are resolved"
    wizards = {str(ad.id) for a in direct.accounts for ad in a.ads.values() if a.campaign_of(ad).wizard}
    assert not wizards & {utm["utm_content"] for utm in arrived}


def test_unknown_macros_stay(direct: Direct) -> None:
    account = direct.accounts[0]
    ad = next(iter(account.ads.values()))
    campaign, group = account.campaign_of(ad), account.groups[ad.group_id]
    text = resolved("{gbid}-{campaign_name_lat}-{nothing}-{param1}", campaign, group, ad)
    assert text.startswith(f"{group.id}-moskva_stendap_novyy_sezon-") or text.startswith(f"{group.id}-")
    assert text.endswith("-{nothing}-{param1}") and text.isascii()
