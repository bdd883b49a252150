"""From rows of reports and records of objects to rows of the warehouse."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest
from yandex_direct.reports.periods import Answer
from yandex_direct.reports.request import ADS, CAMPAIGNS
from yandex_direct.reports.table import read_table
from yandex_direct.transform import (
    AD_COLUMNS,
    DAILY_COLUMNS,
    Cabinet,
    CampaignName,
    Figures,
    Money,
    Staged,
    ad_figures,
    ad_rows,
    campaign_figures,
    read_cabinet,
)
from zakaz_common.attribution.rules import CityBook, Event
from zakaz_common.city import CityDirectory

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 31)
BOOK = CityBook(CityDirectory({"tomsk": "томск", "kazan": "казань"}), {9: Event("казань")}, {17: {"yandex": {9: 3}}})


def answer(kind, *rows: str) -> Answer:
    lines = ["|".join(kind.fields), *rows, f"Total rows: {len(rows)}"]
    text = "".join(f"{line}\n" for line in lines).replace("|", "\t")
    return Answer(FIRST, LAST, read_table(text.encode(), kind.fields, text_last=kind is CAMPAIGNS))


def ads(*rows: str) -> tuple[Figures, list[str], list[str]]:
    rejected: list[str] = []
    degraded: list[str] = []
    found = ad_figures(
        "main",
        answer(ADS, *rows),
        Money("RUB"),
        version=7,
        reject=lambda key, path, _: rejected.append(f"{key} {path}"),
        degrade=lambda key, path, _: degraded.append(f"{key} {path}"),
    )
    return found, rejected, degraded


def rows_of(found: Figures) -> list[dict]:
    return [dict(zip(DAILY_COLUMNS, row, strict=True)) for row in found.rows.values()]


def test_a_row_is_a_day_an_ad_and_a_network() -> None:
    found, rejected, degraded = ads("2026-01-05|3|5|17|SEARCH|1000|20|1349.10|2")
    assert rows_of(found) == [
        {
            "d": date(2026, 1, 5), "account": "main", "campaign_id": 3, "ad_group_id": 5, "ad_id": 17,
            "network": "SEARCH", "impressions": 1000, "clicks": 20, "conversions": 2, "spend": Decimal("1349.10"),
            "vat_rate": Decimal("0.22"), "currency": "RUB", "_ver": 7,
        }
    ]  # fmt: skip
    assert (rejected, degraded, found.read) == ([], [], 1)


@pytest.mark.parametrize("unknown", ["--", "-", ""])
def test_spend_without_an_ad_is_kept(unknown: str) -> None:
    found, rejected, _ = ads(f"2026-01-05|3|{unknown}|{unknown}|{unknown}|10|1|5.00|{unknown}")
    [row] = rows_of(found)
    assert (row["ad_group_id"], row["ad_id"], row["network"], row["conversions"]) == (0, 0, "", None)
    assert row["spend"] == 5
    assert rejected == []


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ("2026-01-05|--|5|17|SEARCH|1|1|1.00|0", "line 2 $.CampaignId"),
        ("2026-01-05|x|5|17|SEARCH|1|1|1.00|0", "line 2 $.CampaignId"),
        ("2026-01-05|3|5|x|SEARCH|1|1|1.00|0", "3/x $.AdId"),
        ("2026-01-05|3|-5|17|SEARCH|1|1|1.00|0", "3/17 $.AdGroupId"),
        ("2026-01-05|3|5|17|SEARCH|--|1|1.00|0", "3/17 $.Impressions"),
        ("2026-01-05|3|5|17|SEARCH|1|--|1.00|0", "3/17 $.Clicks"),
        ("2026-01-05|3|5|17|SEARCH|1|1.5|1.00|0", "3/17 $.Clicks"),
        ("2026-01-05|3|5|17|SEARCH|1|1|--|0", "3/17 $.Cost"),
        ("2026-01-05|3|5|17|SEARCH|1|1|1,500|0", "3/17 $.Cost"),
        ("2026-01-05|3|5|17|SEARCH|1|1|?|0", "3/17 $.Cost"),
    ],
)
def test_what_a_figure_needs_and_is_not_known_rejects_the_row(row: str, path: str) -> None:
    found, rejected, _ = ads(row, "2026-01-06|3|5|17|SEARCH|1|1|1.00|0")
    assert rejected == [f"main/{path}"]
    assert [one["d"] for one in rows_of(found)] == [date(2026, 1, 6)]
    assert (found.damaged, found.whole) == ({date(2026, 1, 5)}, True), "what was loaded of that day stays"


@pytest.mark.parametrize("row", ["x|3|5|17|SEARCH|1|1|1.00|0", "2026-02-01|3|5|17|SEARCH|1|1|1.00|0", "2026-01-05|3|5"])
def test_a_row_of_no_day_leaves_nothing_of_the_report_whole(row: str) -> None:
    found, rejected, _ = ads(row, "2026-01-06|3|5|17|SEARCH|1|1|1.00|0")
    assert len(rejected) == 1
    assert not found.whole
    assert len(found.rows) == 1


def test_conversions_that_are_no_number_are_not_known_and_counted() -> None:
    found, rejected, degraded = ads("2026-01-05|3|5|17|SEARCH|1|1|1.00|1.5")
    assert rows_of(found)[0]["conversions"] is None
    assert (rejected, degraded) == ([], ["main/3/17 $.Conversions"])


def test_clicks_above_impressions_and_money_given_back_are_what_they_are() -> None:
    found, rejected, _ = ads("2026-01-05|3|5|17|SEARCH|0|4|-2.50|0")
    assert (rows_of(found)[0]["clicks"], rows_of(found)[0]["spend"], rejected) == (4, Decimal("-2.50"), [])


def test_a_fraction_of_a_kopeck_is_rounded_and_counted() -> None:
    found, _, degraded = ads("2026-01-05|3|5|17|SEARCH|1|1|1.005|0", "2026-01-06|3|5|17|SEARCH|1|1|1.1000000001|0")
    assert [one["spend"] for one in rows_of(found)] == [Decimal("1.01"), Decimal("1.10")]
    assert len(degraded) == 1


def test_rows_of_one_key_are_added_up() -> None:
    found, _, _ = ads(
        "2026-01-05|3|5|17|SEARCH|1|1|1.10|--",
        "2026-01-05|3|5|17|SEARCH|2|1|2.20|4",
        "2026-01-05|3|5|17|SEARCH|0|0|0.00|1",
    )
    [row] = rows_of(found)
    assert (row["impressions"], row["clicks"], row["conversions"], row["spend"]) == (3, 2, 5, Decimal("3.30"))


def test_a_row_of_nothing_is_none() -> None:
    assert ads("2026-01-05|3|5|17|SEARCH|0|0|0.00|0", "2026-01-05|3|5|18|SEARCH|0|0|0.00|--")[0].rows == {}


@pytest.mark.parametrize(
    ("money", "day", "rate"),
    [
        (Money("RUB", "20"), "2025-12-31", "0.20"),
        (Money("RUB", "20"), "2026-01-01", "0.22"),
        (Money("RUB"), "2026-01-01", "0.22"),
        (Money("BYN", "20"), "2026-01-01", "0.20"),
        (Money("KZT", "12.0"), "2026-01-01", "0.12"),
        (Money("USD"), "2026-01-01", "0"),
        (Money("USD", "x"), "2026-01-01", "0"),
    ],
)
def test_the_rate_of_vat_is_that_of_the_day(money: Money, day: str, rate: str) -> None:
    assert money.vat_rate(date.fromisoformat(day)) == Decimal(rate)


def test_campaigns_are_counted_and_named() -> None:
    names: dict[int, CampaignName] = {}
    degraded: list[str] = []
    found = campaign_figures(
        "main",
        answer(
            CAMPAIGNS, "2026-01-05|3|UNIFIED_CAMPAIGN|10|2|5.00|Цирк|\u202eЗлой", "2026-01-06|4|--|10|2|--|x",
            "2026-01-07|5|NEW|0|0|0.00|--",
        ),
        Money("RUB"),
        names,
        version=7,
        reject=lambda *_: None,
        degrade=lambda key, path, _: degraded.append(f"{key} {path}"),
    )  # fmt: skip
    assert list(found.rows.values()) == [(date(2026, 1, 5), "main", 3, 10, 2, Decimal("5.00"), "RUB", 7)]
    assert names == {3: CampaignName("Цирк \ufffdЗлой", "UNIFIED_CAMPAIGN"), 5: CampaignName("", "NEW")}
    assert degraded == ["main/3 $.CampaignName"]
    assert found.damaged == {date(2026, 1, 6)}


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
