"""From records of objects to rows of the dimension of ads."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from yandex_direct.objects.rows import AD_COLUMNS, Cabinet, Staged, ad_rows, read_cabinet
from yandex_direct.transform import CampaignName
from zakaz_common.attribution.rules import CityBook, Event
from zakaz_common.city import CityDirectory

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 31)
BOOK = CityBook(CityDirectory({"tomsk": "томск", "kazan": "казань"}), {9: Event("казань")}, {17: {"yandex": {9: 3}}})


def cabinet(**objects: list[dict]) -> Cabinet:
    raws = {name: [msgspec.Raw(msgspec.json.encode(one)) for one in many] for name, many in objects.items()}
    return read_cabinet(raws.get("campaigns", ()), raws.get("groups", ()), raws.get("ads", ()), lambda *_: None)


CAMPAIGN = {"Id": 3, "Name": "Цирк", "Type": "UNIFIED_CAMPAIGN", "State": "ON",
            "UnifiedCampaign": {"TrackingParams": "utm_source=yandex&utm_content={ad_id}"}}  # fmt: skip
GROUP = {"Id": 5, "CampaignId": 3, "Name": "Поиск", "TrackingParams": None}
TEXT_AD = {"Id": 17, "CampaignId": 3, "AdGroupId": 5, "Type": "TEXT_AD", "State": "ON", "Status": "ACCEPTED",
           "TextAd": {"Title": "Билеты", "Href": "https://a.example/event/9?utm_content=tomsk_05_10"}}  # fmt: skip


def dimension(found: Cabinet, staged=(), names=None, known=()) -> dict[str, dict]:
    rows, _ = ad_rows("main", found, staged, names or {}, known, BOOK, today=LAST, version=1)
    return {row[1]: dict(zip(AD_COLUMNS, row, strict=True)) for row in rows}


def test_an_ad_known_by_its_id_has_the_city_of_its_orders() -> None:
    row = dimension(cabinet(campaigns=[CAMPAIGN], groups=[GROUP], ads=[TEXT_AD]))["17"]
    assert (row["name"], row["ad_group_name"], row["campaign_name"]) == ("Билеты", "Поиск", "Цирк")
    assert (row["type"], row["state"], row["status"], row["campaign_type"]) == (
        "TEXT_AD",
        "ON",
        "ACCEPTED",
        "UNIFIED_CAMPAIGN",
    )
    assert (row["utm_source"], row["utm_content"], row["city"], row["attribution"]) == (
        "yandex",
        "17",
        "казань",
        "ad_id",
    )
    assert row["url"] == "https://a.example/event/9"


@pytest.mark.parametrize("structure", [{"TextAd": {"Title": "Билеты", "Href": None}}, {"DynamicTextAd": {}}])
def test_an_ad_without_a_link_is_known_by_its_block(structure: dict) -> None:
    ad = {key: value for key, value in TEXT_AD.items() if key != "TextAd"} | structure
    row = dimension(cabinet(campaigns=[CAMPAIGN], groups=[GROUP], ads=[ad]))["17"]
    assert (row["utm_source"], row["utm_content"]) == ("yandex", "17")
    assert (row["city"], row["attribution"], row["url"]) == ("казань", "ad_id", "")


def test_without_a_block_the_links_own_mark_tells_the_city() -> None:
    plain = {**CAMPAIGN, "UnifiedCampaign": {"TrackingParams": None}}
    row = dimension(cabinet(campaigns=[plain], groups=[GROUP], ads=[TEXT_AD]))["17"]
    assert (row["utm_content"], row["city"], row["attribution"]) == ("tomsk_05_10", "томск", "city_date")


def test_a_groups_mark_goes_over_the_campaigns() -> None:
    group = {**GROUP, "TrackingParams": "utm_content=kazan_06_10"}
    row = dimension(cabinet(campaigns=[CAMPAIGN], groups=[group], ads=[TEXT_AD]))["17"]
    assert (row["utm_source"], row["utm_content"], row["city"]) == ("", "kazan_06_10", "казань")


def test_the_year_of_a_mark_is_that_of_the_ads_first_day() -> None:
    plain = cabinet(campaigns=[{"Id": 3}], groups=[GROUP], ads=[TEXT_AD])
    assert dimension(plain)["17"]["event_date"] == date(2025, 10, 5), "the nearest"
    staged = [Staged(3, 5, 17, date(2024, 9, 1)), Staged(3, 6, 17, date(2024, 12, 1))]
    assert dimension(plain, staged)["17"]["event_date"] == date(2024, 10, 5)


@pytest.mark.parametrize(
    "structure",
    [
        {"ResponsiveAd": {"Titles": ["Билеты"], "Href": "https://a.example/event/9"}},
        {"ResponsiveAd": {"Titles": {"Items": [{"Title": "Билеты"}]}, "Href": "https://a.example/event/9"}},
        {
            "ResponsiveAd": {"Titles": None, "Href": "https://a.example/event/9"},
            "TextAd": {"Title": "Билеты", "Href": None},
        },
        {"TextImageAd": {"Href": "https://a.example/event/9"}, "TextAd": {"Title": "Билеты"}},
        {"TextAd": {"Title": "Билеты", "Href": 5}, "CpmBannerAdBuilderAd": {"Href": "https://a.example/event/9"}},
    ],
)
def test_link_and_title_are_found_in_whatever_an_ad_is(structure: dict) -> None:
    ad = {key: value for key, value in TEXT_AD.items() if key != "TextAd"} | structure
    row = dimension(cabinet(campaigns=[CAMPAIGN], groups=[GROUP], ads=[ad]))["17"]
    assert (row["name"], row["url"]) == ("Билеты", "https://a.example/event/9")


def test_spend_without_an_ad_has_its_campaigns_name() -> None:
    staged = [Staged(8, 0, 0, FIRST), Staged(3, 0, 0, FIRST), Staged(9, 0, 0, FIRST)]
    names = {8: CampaignName("Мастер", "NEW_KIND")}
    rows = dimension(cabinet(campaigns=[CAMPAIGN]), staged, names)
    assert {key: (row["campaign_name"], row["type"], row["city"]) for key, row in rows.items()} == {
        "campaign 8": ("Мастер", "NEW_KIND", ""),
        "campaign 3": ("Цирк", "UNIFIED_CAMPAIGN", ""),
        "campaign 9": ("", "", ""),
    }


def test_what_is_no_longer_listed_keeps_what_it_was_called() -> None:
    staged = [Staged(3, 5, 18, FIRST), Staged(9, 0, 0, FIRST)]
    assert dimension(cabinet(campaigns=[CAMPAIGN]), staged, known={"18", "campaign 9"}) == {}
    never_listed = dimension(cabinet(campaigns=[CAMPAIGN], groups=[GROUP]), staged)["18"]
    assert (never_listed["name"], never_listed["campaign_name"], never_listed["ad_group_name"]) == ("", "Цирк", "Поиск")


def test_what_no_figure_needs_is_left_empty_and_counted() -> None:
    rejected: list[tuple] = []
    degraded: list[tuple] = []
    broken = {**TEXT_AD, "CampaignId": "x", "State": 5, "TextAd": {"Title": "a\u202eb", "Href": []}}
    raws = [msgspec.Raw(msgspec.json.encode(one)) for one in (broken, {"Id": None}, [])]
    found = read_cabinet(
        [msgspec.Raw(b'{"Id": "3", "Name": "a\\ud800b", "TextCampaign": 7}')],
        [],
        raws,
        lambda *told: rejected.append(told[:3]),
        lambda *told: degraded.append(told[:3]),
    )
    assert list(found.ads) == [17]
    assert found.campaigns[3].name == "a\ufffdb"
    assert rejected == [("ads", "?", "$.Id"), ("ads", "?", "$")]
    assert {(dataset, path) for dataset, _, path in degraded} == {
        ("campaigns", "$.Name"), ("campaigns", "$.TextCampaign"), ("ads", "$.CampaignId"), ("ads", "$.State"),
        ("ads", "$.TextAd.Href"), ("ads", "$.Title"),
    }  # fmt: skip
