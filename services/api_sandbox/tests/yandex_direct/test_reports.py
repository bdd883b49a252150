"""What stands in a report: the season's own figures, grouped, filtered and written as the request says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from conftest import SEASON_END, Caller
from direct_client import BY_AD, Direct, rows_of

from api_sandbox.season.moscow_time import today
from api_sandbox.testing import running_sandbox

Start = Callable[..., Caller]


@pytest.fixture(scope="module")
def direct() -> Iterator[Direct]:
    with running_sandbox(
        orders=700, season_end=SEASON_END, yandex_direct_requests=10**6, yandex_direct_online_rows=10**6
    ) as sandbox:
        yield Direct(sandbox)


def spent(rows: list[dict[str, str]]) -> Decimal:
    return sum((Decimal(row["Cost"]) for row in rows), Decimal(0))


def test_rows_by_day_ad_and_network_add_up_to_the_season(direct: Direct) -> None:
    wizards = {one.id for account in direct.accounts for one in account.campaigns.values() if one.wizard}
    found: dict[tuple[date, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in direct.report():
        of_wizard = int(row["CampaignId"]) in wizards
        assert of_wizard == (row["AdId"] == row["AdGroupId"] == row["AdGroupName"] == "--")
        key = date.fromisoformat(row["Date"]), int(row["CampaignId"] if of_wizard else row["AdId"])
        for place, figure in enumerate((row["Impressions"], row["Clicks"], row["Cost"].replace(".", ""))):
            found[key][place] += int(figure)
    campaigns = {ad.id: account.campaign_of(ad) for account in direct.accounts for ad in account.ads.values()}
    expected = {
        (day, campaigns[ad].id if campaigns[ad].wizard else ad): [stat.shows, stat.clicks, stat.spent]
        for (day, ad), stat in direct.stats().items()
    }
    assert found == expected and wizards
    assert sum(figures[2] for (_, number), figures in found.items() if number in wizards) > 0


def test_what_every_season_holds(direct: Direct) -> None:
    rows = direct.report()
    assert {row["AdNetworkType"] for row in rows} == {"SEARCH", "AD_NETWORK"}
    split = Counter((row["Date"], row["AdId"]) for row in rows if row["AdId"] != "--")
    assert set(split.values()) == {1, 2}
    elsewhere = {row["AdId"] for row in rows if row["AdNetworkType"] == "AD_NETWORK"}
    assert 0 < len({row["AdId"] for row in rows} - elsewhere) < len(elsewhere), "some are shown in search alone"
    assert 0 < sum(int(row["Clicks"]) > int(row["Impressions"]) for row in rows) <= 2
    assert {row["CampaignType"] for row in rows} == {
        "UNIFIED_CAMPAIGN",
        "TEXT_CAMPAIGN",
        "DYNAMIC_TEXT_CAMPAIGN",
        "NEW_KIND_CAMPAIGN",
    }
    assert {row["Conversions"] == "--" for row in rows if row["AdId"] != "--"} == {True, False}, "no counter"
    names = "".join(row["CampaignName"] + row["AdGroupName"] for row in rows)
    assert all(piece in names for piece in ('"', "ё", "🎄"))
    assert any(int(row["AdId"]) > 2**53 for row in rows if row["AdId"] != "--"), "no double holds it"


def test_a_campaign_was_renamed_in_mid_period(direct: Direct) -> None:
    names: dict[str, set[str]] = defaultdict(set)
    days: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in direct.report():
        names[row["CampaignId"]].add(row["CampaignName"])
        days[row["CampaignId"], row["CampaignName"]].add(row["Date"])
    [(number, (first, second))] = [(n, sorted(found, key=len)) for n, found in names.items() if len(found) > 1]
    renamed_on = str(direct.accounts[0].campaigns[int(number)].renamed_on)
    assert days[number, first] & days[number, second] == {renamed_on}, "both names on that day alone"
    assert max(days[number, first]) == renamed_on == min(days[number, second])
    by_ad = direct.report(ReportType="AD_PERFORMANCE_REPORT", AttributionModels=["LC"])
    assert {row["CampaignName"] for row in by_ad if row["CampaignId"] == number} == {second}


def test_rows_are_rounded_one_by_one(direct: Direct) -> None:
    fields = ("Date", "CampaignId", "Cost")
    ads = defaultdict(Decimal)
    for row in direct.report():
        ads[row["Date"], row["CampaignId"]] += Decimal(row["Cost"])
    campaigns = {
        (row["Date"], row["CampaignId"]): Decimal(row["Cost"])
        for row in direct.report(fields, ReportType="CAMPAIGN_PERFORMANCE_REPORT")
    }
    assert ads.keys() == campaigns.keys()
    differences = {abs(ads[key] - campaigns[key]) for key in ads}
    assert max(differences) <= Decimal("0.05") and differences - {0} != set()
    assert campaigns == {(r["Date"], r["CampaignId"]): Decimal(r["Cost"]) for r in direct.report(fields)}


def test_wizards_are_in_reports_by_ad_where_a_setting_says_so(direct: Direct, fresh: Start) -> None:
    assert "--" not in {row["AdId"] for row in direct.report(ReportType="AD_PERFORMANCE_REPORT")}
    other = Direct(
        fresh(
            yandex_direct_wizards_in_ad_reports=True, yandex_direct_wizards=2, yandex_direct_online_rows=10**6
        ).sandbox
    )
    rows = other.report(("CampaignId", "AdId", "Cost"), ReportType="AD_PERFORMANCE_REPORT")
    assert len([row for row in rows if row["AdId"] == "--"]) == 2
    assert len(other.report(("Date", "Cost"), ReportType="AD_PERFORMANCE_REPORT")) > 60, "split by ad unasked"


def test_vat_by_the_day_of_the_click(fresh: Start) -> None:
    direct = Direct(fresh(season_end=date(2026, 1, 15), season_days=30, yandex_direct_online_rows=10**6).sandbox)
    fields = ("Date", "AdId", "AdNetworkType", "Cost")
    net, gross = (direct.report(fields, IncludeVAT=vat) for vat in ("NO", "YES"))
    rates: dict[bool, set[Decimal]] = defaultdict(set)
    for one, other in zip(net, gross, strict=True):
        if Decimal(one["Cost"]) > 5:
            share = Decimal(other["Cost"]) / Decimal(one["Cost"]) - 1
            rates[one["Date"] >= "2026-01-01"].add(round(share, 2))
    assert rates == {False: {Decimal("0.20")}, True: {Decimal("0.22")}}
    dollars = Direct(fresh(yandex_direct_currencies="USD", yandex_direct_online_rows=10**6).sandbox)
    assert dollars.report(("Month", "Cost")) == dollars.report(("Month", "Cost"), IncludeVAT="YES")


def test_each_header_is_honoured(direct: Direct) -> None:
    body = direct.body(("Month", "Cost", "AvgCpc"), "report")

    def lines(**headers: str) -> list[str]:
        return direct.post("/v5/reports", body, **headers).text.removesuffix("\n").split("\n")

    whole = lines()
    assert whole[0] == f'"report ({direct.sandbox.season.first_day} - {SEASON_END})"'
    assert whole[1] == "Month\tCost\tAvgCpc" and whole[-1] == f"Total rows: {len(whole) - 3}"
    assert lines(skipReportHeader="true") == whole[1:]
    assert lines(skipColumnHeader="true") == [whole[0], *whole[2:]]
    assert lines(skipReportSummary="true") == whole[:-1]
    assert lines(skipReportHeader="false", returnMoneyInMicros="true") == whole
    for micros, roubles in zip(whole[2:-1], lines(returnMoneyInMicros="false")[2:-1], strict=True):
        for one, other in zip(micros.split("\t")[1:], roubles.split("\t")[1:], strict=True):
            assert int(one) == Decimal(other) * 1_000_000 and int(one) % 10_000 == 0 and other[-3] == "."


def test_answers_are_compressed_for_those_who_accept_it(direct: Direct) -> None:
    body = direct.body(("Month", "Cost"))
    packed, plain = (direct.post("/v5/reports", body, **{"Accept-Encoding": how}) for how in ("gzip", "identity"))
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.text == plain.text and packed.headers["content-type"].startswith("text/tab-separated-values")
    assert packed.headers["RequestId"] != plain.headers["RequestId"]


def test_filters_order_and_pages(direct: Direct) -> None:
    fields = ("Date", "CampaignId", "AdNetworkType", "Clicks", "Cost")
    rows = direct.report(fields)
    one = rows[len(rows) // 2]["CampaignId"]

    def filtered(*filters: tuple[str, str, list[str]], **params: object) -> list[dict[str, str]]:
        asked = [{"Field": field, "Operator": operator, "Values": values} for field, operator, values in filters]
        return direct.report(fields, SelectionCriteria={**direct.season_period, "Filter": asked}, **params)

    assert filtered(("CampaignId", "IN", [one])) == [row for row in rows if row["CampaignId"] == one]
    both = filtered(("CampaignId", "NOT_EQUALS", [one]), ("AdNetworkType", "EQUALS", ["SEARCH"]))
    assert both == [row for row in rows if row["CampaignId"] != one and row["AdNetworkType"] == "SEARCH"]
    dear = filtered(("Cost", "GREATER_THAN", ["50000000"]))
    assert dear == [row for row in rows if Decimal(row["Cost"]) > 50] != []
    assert filtered(("CampaignId", "EQUALS", ["1"])) == []
    by_cost = direct.report(fields, OrderBy=[{"Field": "Cost", "SortOrder": "DESCENDING"}])
    assert [Decimal(row["Cost"]) for row in by_cost] == sorted((Decimal(row["Cost"]) for row in rows), reverse=True)
    pages = [direct.report(fields, Page={"Limit": 100, "Offset": 100 * n}) for n in range(len(rows) // 100 + 1)]
    assert [len(page) for page in pages[:-1]] == [100] * (len(pages) - 1) and [
        row for page in pages for row in page
    ] == rows


def test_a_report_is_cut_at_the_limit_in_silence(fresh: Start) -> None:
    direct = Direct(fresh(yandex_direct_row_limit=50).sandbox)
    answer = direct.post("/v501/reports", direct.body())
    assert answer.status_code == 200 and answer.text.endswith("\nTotal rows: 50\n")


def test_days_of_periods_are_moscow_days(fresh: Start) -> None:
    now = today()
    direct = Direct(fresh(season_end=now, season_days=60, yandex_direct_online_rows=10**6).sandbox)
    every = sorted({row["Date"] for row in direct.report(("Date", "Cost"))})
    assert every[-1] == now.isoformat(), "with today"

    def days(kind: str) -> list[str]:
        rows = direct.report(("Date", "Cost"), SelectionCriteria={}, DateRangeType=kind)
        return sorted({row["Date"] for row in rows})

    assert days("LAST_7_DAYS") == every[-8:-1]
    assert days("AUTO") == days("LAST_3_DAYS") == every[-4:-1]
    assert days("TODAY") == every[-1:] and days("YESTERDAY") == every[-2:-1]
    assert days("ALL_TIME") == every
    assert days("THIS_MONTH") == [day for day in every if day[:7] == now.isoformat()[:7]]


def test_today_is_partial(fresh: Start) -> None:
    now = today()
    part, whole = (Direct(fresh(season_end=now, yandex_direct_today_share=share).sandbox) for share in (0.25, 1.0))
    period = {"DateFrom": str(now - timedelta(days=1)), "DateTo": str(now)}
    one, other = (
        {row["Date"]: int(row["Impressions"]) for row in each.report(("Date", "Impressions"), SelectionCriteria=period)}
        for each in (part, whole)
    )
    yesterday = str(now - timedelta(days=1))
    assert one[yesterday] == other[yesterday]
    assert 0.2 < one[str(now)] / other[str(now)] < 0.3
    roi = part.sandbox.roi(advertising=["yandex_direct"])
    assert sum(row["impressions"] for row in roi if row["d"] == str(now)) == one[str(now)], "the truth follows"
    early = Direct(fresh(season_end=now + timedelta(days=5), yandex_direct_online_rows=10**6).sandbox)
    assert max(row["Date"] for row in early.report(("Date", "Cost"))) == str(now), "what is to come has no figures"


def test_goals_rename_the_columns_of_conversions(direct: Direct) -> None:
    rows = direct.report(("Month", "Conversions", "Cost"), Goals=["11", "12"], AttributionModels=["AUTO", "LC"])
    assert list(rows[0]) == [
        "Month", "Conversions_11_AUTO", "Conversions_11_LC", "Conversions_12_AUTO", "Conversions_12_LC", "Cost",
    ]  # fmt: skip


def test_a_tab_in_a_name_where_a_setting_says_so(fresh: Start) -> None:
    direct = Direct(fresh(yandex_direct_tab_in_names=True, yandex_direct_online_rows=10**6).sandbox)
    text = direct.post("/v501/reports", direct.body()).text
    cells = Counter(line.count("\t") + 1 for line in text.split("\n")[1:-2])
    assert cells.keys() == {len(BY_AD), len(BY_AD) + 1}


def test_an_archived_campaign_stays_in_reports(direct: Direct) -> None:
    [archived] = direct.get("campaigns", SelectionCriteria={"States": ["ARCHIVED"]}, FieldNames=["Id"])["Campaigns"]
    assert any(row["CampaignId"] == str(archived["Id"]) for row in direct.report(("CampaignId", "Cost")))


def test_several_cabinets_spend_one_budget_in_their_currencies(fresh: Start) -> None:
    direct = Direct(
        fresh(yandex_direct_accounts=3, yandex_direct_currencies="RUB,BYN", yandex_direct_online_rows=10**6).sandbox
    )
    truth = direct.sandbox.truth("yandex_direct")
    assert truth["logins"] == ["direct-1", "direct-2", "direct-3"] and truth["currencies"] == ["RUB", "BYN", "BYN"]
    own = [
        spent(Direct(direct.sandbox, token).report(("Date", "AdId", "AdNetworkType", "Cost")))
        for token in truth["tokens"]
    ]
    sandbox = direct.sandbox
    assert own[0] == sum(Decimal(row["spend"]) for row in sandbox.roi(advertising=["yandex_direct"]))
    others = {one.vendor for one in sandbox.season.accounts} - {"yandex_direct"}
    foreign = sandbox.foreign_spend(advertising=["yandex_direct"])
    assert own[1] + own[2] == sum(Decimal(row["spend"]) for row in foreign) > 0
    assert sandbox.foreign_spend(advertising=others) == [] == [r for r in sandbox.roi([]) if r["clicks"]]
    assert rows_of(direct.post("/v501/reports", direct.body(), "direct-1").text), "its own login is accepted"
