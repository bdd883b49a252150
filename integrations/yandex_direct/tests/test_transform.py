"""From rows of reports to rows of the warehouse."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from yandex_direct.reports.periods import Answer
from yandex_direct.reports.request import ADS, CAMPAIGNS
from yandex_direct.reports.table import read_table
from yandex_direct.transform import (
    DAILY_COLUMNS,
    CampaignName,
    Figures,
    Money,
    ad_figures,
    campaign_figures,
)

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 31)


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
