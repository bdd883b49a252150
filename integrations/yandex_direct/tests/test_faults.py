"""What only Direct does: its queue of reports, its codes, cut tables, its limits."""

from __future__ import annotations

import json
import pickle
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from api_sandbox.season.moscow_time import today
from api_sandbox.testing import running_sandbox
from conftest import SMALL, UNLIMITED, pointed_at
from test_against_sandbox import listings_due
from truth import accounts
from yandex_direct import LOADER, load
from yandex_direct.reports.request import ADS, CAMPAIGNS, ReportKind

pytestmark = pytest.mark.patient


def names(api) -> list[str]:
    return [one["body"]["params"]["ReportName"] for one in api.requests if one["path"].endswith("/reports")]


@contextmanager
def sandbox(frozen_season: bytes, **settings: object):
    with running_sandbox(pickle.loads(frozen_season), **{**SMALL, **UNLIMITED, **settings}) as running:
        yield running


@pytest.mark.parametrize("retry_in", ["1", "absent", "0", "soon", "3,absent,1,-1"])
def test_a_queued_report_is_waited_for_with_the_same_name(bare_loader, frozen_season, retry_in: str) -> None:
    with sandbox(
        frozen_season, yandex_direct_online_rows=0, yandex_direct_polls=3, yandex_direct_retry_in=retry_in
    ) as api:
        loader = bare_loader.having(**pointed_at(api))
        assert loader.run() == 0
        loader.assert_equal_to(api.season)
        assert api.count("*/reports") == 2 * 5, "201, three times 202, 200"
        assert len(set(names(api))) == 2
        assert [w for w in loader.waits if w > 0.5] and all(w <= 60 for w in loader.waits)
        first = set(names(api))
        assert loader.run() == 0
        assert len(set(names(api)) - first) == 2, "another run asks for fresh numbers"


def test_a_report_that_is_never_ready_fails_the_run_in_time(bare_loader, frozen_season) -> None:
    with sandbox(
        frozen_season, yandex_direct_online_rows=0, yandex_direct_polls=10**6, yandex_direct_retry_in="30",
        yandex_direct_places=100,
    ) as api:  # fmt: skip
        loader = bare_loader.having(**pointed_at(api))
        assert loader.run() == 69
        assert "not ready yet" in loader.last_run("error")[0]
        assert len(set(names(api))) > 5, "less was asked for, while there was time"
        assert sum(loader.waits) <= 1500
        first, asked = names(api)[0], api.count("*/reports")
        assert loader.run() == 69
        assert names(api)[asked] == first, "what is still queued is found, and takes no second place"
        reading_aged(loader, hours=3)
        for again in (loader.run, lambda: loader.backfill(today(), today())):
            asked = api.count("*/reports")
            assert again() == 69
            assert names(api)[asked] not in names(api)[:asked]


def reading_aged(loader, **ago: int) -> datetime:
    """The reading that was not finished began earlier; returns when."""
    [kept] = loader.state_dir.glob("yandex_direct.*.reading.json")
    reading = json.loads(kept.read_text())
    since = datetime.fromisoformat(reading["since"]) - timedelta(**ago)
    kept.write_text(json.dumps(reading | {"since": str(since)}))
    return since


def test_figures_of_a_reading_that_was_not_finished_count_as_of_its_beginning(loader, api) -> None:
    api.inject("status", route="*/reports", status=201, times=0)
    assert loader.run() == 69
    since = reading_aged(loader, minutes=50)
    asked = names(api)[0]
    api.reset()
    assert loader.run() == 0
    assert names(api)[0] == asked
    [(mark,)] = loader.rows(
        f"SELECT max(watermark) FROM meta.watermarks WHERE loader = '{LOADER}' AND dataset = '{load.DATASET}'"
    )
    assert abs((since - timedelta(minutes=2)).timestamp() - mark.timestamp()) <= 1
    assert loader.run() == 0
    assert len(set(names(api))) == len(names(api)), "what was finished is asked for anew"
    assert not list(loader.state_dir.glob("*reading*"))


def test_after_a_failure_that_leaves_nothing_waiting_reports_are_asked_for_anew(loader, api) -> None:
    api.inject("status", route="*/campaigns", status=400, body={"error": {"error_code": 8000}})
    assert loader.run() == 65
    assert api.mutate("revise_yandex_direct_days", days=3)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_a_full_queue_is_waited_for_and_then_left(bare_loader, frozen_season) -> None:
    with sandbox(frozen_season, yandex_direct_online_rows=0, yandex_direct_places=0) as api:
        loader = bare_loader.having(**pointed_at(api))
        assert loader.run() == 75
        assert "9000" in loader.last_run("error")[0]
        assert 100 < sum(loader.waits) <= 300


def test_reports_that_are_cut_at_their_limit_are_asked_for_by_parts(loader, api) -> None:
    rows = loader.having(yandex_direct_report_rows=300)
    assert rows.run() == 0
    rows.assert_equal_to(api.season)
    assert api.count("*/reports") > 4


def test_a_day_beyond_the_limit_names_the_setting(loader) -> None:
    assert loader.having(yandex_direct_report_rows=5).run() == 65
    assert "YANDEX_DIRECT_REPORT_ROWS" in loader.last_run("error")[0]


@pytest.mark.parametrize("status", [500, 502])
def test_a_report_that_takes_too_long_is_asked_for_by_halves(loader, api, status: int) -> None:
    """A gateway's page, as it comes from there."""
    api.inject("html", route="*/reports", status=status, times=4)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_a_report_that_cannot_be_built_at_all_fails_the_run(loader, api) -> None:
    api.inject("html", route="*/reports", status=502, times=0)
    assert loader.run() == 69
    assert "502" in loader.last_run("error")[0]
    # halves down to a day, each tried twice, and three days, each tried three times
    assert api.count("*/reports") == 2 * 9 + 3 * 3


def test_a_day_that_cannot_be_built_costs_no_other(loader, api) -> None:
    assert loader.run() == 0
    api.reset()
    api.inject("html", route="*/reports", status=502, times=3)
    assert loader.backfill(today() - timedelta(days=1), today() - timedelta(days=1)) == 69
    assert "days that could not be read: 1, the first of them" in loader.last_run("error")[0]
    assert api.count("*/reports") == 4, "three times by ads, then by campaigns"
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_a_table_that_was_cut_is_asked_for_again(loader, api) -> None:
    api.inject("edit", route="*/reports", nth=1, edits=[{"path": "rows.0", "op": "delete"}])
    assert loader.run() == 0
    loader.assert_equal_to(api.season)
    assert api.count("*/reports") == 3


def headings(kind: ReportKind) -> dict:
    """An answer of nothing but column names."""
    heads = "\t".join(kind.fields)
    return {
        "route": "*/reports",
        "status": 200,
        "body": f"{heads}\n",
        "headers": {"content-type": "text/tab-separated-values"},
    }


def test_headings_alone_are_not_believed_when_they_come_once(loader, api) -> None:
    assert loader.run() == 0
    for kind, nth in ((CAMPAIGNS, 1), (ADS, 2)):
        api.inject("status", **headings(kind), nth=nth)
        assert loader.run() == 0
        loader.assert_equal_to(api.season)


def test_headings_alone_of_both_reports_are_believed_when_they_come_twice(loader, api) -> None:
    assert loader.run() == 0
    recent = today() - timedelta(days=6)
    for ad in accounts(api.season)[0].ads.values():
        ad.days = {day: stat for day, stat in ad.days.items() if day < recent}
    assert loader.run() == 0
    assert loader.one(f"SELECT count() FROM zakaz.stg_yandex_direct_daily FINAL WHERE d >= '{recent}'") == 0
    loader.assert_equal_to(api.season)


def test_ads_without_a_row_are_refused_where_campaigns_have_some(loader, api) -> None:
    """However often it comes: to believe it would delete the days before anything is compared."""
    assert loader.run() == 0
    before = loader.staging()
    api.inject("status", **headings(ADS), nth=2, times=0)
    assert loader.run() == 69
    assert "by ads has no row" in loader.last_run("error")[0]
    assert loader.staging() == before
    loader.assert_equal_to(api.season)
    api.reset()
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def refusal(code: object, detail: str = "why") -> dict:
    return {"error": {"request_id": "8123", "error_code": code, "error_string": "Error", "error_detail": detail}}


CODES = [
    (53, 78, "must sign in again"), (54, 78, "no right"), (58, 78, "access request"), (3000, 78, "access request"),
    (513, 78, "does not know"), (8800, 78, "does not know"), (152, 75, "units"), (8000, 65, "why"), (55, 65, "why"),
    (4000, 65, "why"), (9000, 75, "why"), (1000, 69, "why"), (52, 69, "why"),
]  # fmt: skip


PLACES = [
    (*case, *place)
    for case in CODES
    for place in (("*/reports", 400), ("*/campaigns", 200))
    if place[1] == 400 or case[0] not in (4000, 9000)  # of reports alone
]


@pytest.mark.parametrize(("code", "exit_code", "told", "route", "status"), PLACES)
@pytest.mark.parametrize("as_text", [True, False])
def test_a_code_ends_the_run_as_it_should(loader, api, code, exit_code, told, route, status, as_text) -> None:
    api.inject("status", route=route, status=status, body=refusal(str(code) if as_text else code), times=0)
    assert loader.run() == exit_code
    [error] = loader.last_run("error")
    assert told in error
    assert "RequestId 8123" in error
    asked = api.count(route)
    assert asked == (2 if code == 4000 else 1) or code in (9000, 1000, 52), "no code that stops is insisted on"
    assert {row[0].split("/")[-1] for row in loader.rows("SELECT dataset FROM meta.watermarks")} == {"whose_deep"}
    api.reset()
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


@pytest.mark.parametrize("code", [52, 56, 506, 1000, 1001, 1002])
@pytest.mark.parametrize(("route", "status"), [("*/reports", 400), ("*/ads", 200), ("*/changes", 200)])
def test_a_code_that_passes_is_ridden_out(loader, api, code: int, route: str, status: int) -> None:
    if route == "*/changes":
        assert loader.run() == 0
    api.inject("status", route=route, status=status, body=refusal(code), times=2)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)
    assert api.pending_faults() == []
    if code in (56, 506):
        assert [wait for wait in loader.waits if wait > 9] == [10, 10]


def test_a_token_revoked_in_the_middle_of_a_run_leaves_what_has_landed(loader, api) -> None:
    assert loader.run() == 0
    ads, campaigns = loader.staging(), loader.campaigns()
    api.mutate("revise_yandex_direct_days", days=2)
    api.inject("status", route="*/reports", nth=2, status=400, body=refusal("53"), times=0)
    assert loader.run() == 78
    assert loader.campaigns() != campaigns, "the first report has landed"
    loader.assert_campaigns_equal_to(api.season)
    assert loader.staging() == ads, "the second has not"
    api.reset()
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_reports_go_on_while_the_units_are_used_up(loader, api, capsys) -> None:
    corrections_told = "SELECT toUnixTimestamp(max(watermark)) FROM meta.watermarks WHERE dataset LIKE '%/checked_deep'"
    assert loader.run() == 0
    before = loader.one(corrections_told)
    api.mutate("use_up_yandex_direct_units")
    api.mutate("revise_yandex_direct_days", days=2)
    listings_due(loader)
    assert loader.run() == 0
    assert capsys.readouterr().out.count("units_used_up") == 2, "whose account it is, and the listings"
    loader.assert_equal_to(api.season)
    assert loader.run() == 0
    assert capsys.readouterr().out.count("units_used_up") == 1, "the listings are not tried again at once"
    assert api.mutate("correct_yandex_direct_day", count=2, days=30)
    assert loader.run() == 0
    assert loader.one(corrections_told) == before, "without units Direct tells of none"
    api.mutate("restore_yandex_direct_units")
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_units_that_are_used_up_before_anything_is_known_end_the_run_until_later(loader, api) -> None:
    api.mutate("use_up_yandex_direct_units")
    assert loader.run() == 75
    assert "units" in loader.last_run("error")[0]
    assert loader.staging() == {}
    api.mutate("restore_yandex_direct_units")
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_the_limits_of_requests_are_kept(bare_loader, frozen_season) -> None:
    """At the rate of the settings none is refused: twenty requests for reports in ten seconds."""
    with sandbox(frozen_season, yandex_direct_requests=20, yandex_direct_online_rows=0) as api:
        loader = bare_loader.having(**pointed_at(api), yandex_direct_requests_per_second=1)
        assert loader.run() == 0
        assert {entry["status"] for entry in api.requests} <= {200, 201, 202}


def test_listings_of_several_pages_are_read_to_their_end(bare_loader, frozen_season) -> None:
    with sandbox(frozen_season, yandex_direct_page_size=3) as api:
        loader = bare_loader.having(**pointed_at(api))
        assert loader.run() == 0
        loader.assert_equal_to(api.season)
        ads = [
            ad
            for account in accounts(api.season)
            for ad in account.ads.values()
            if not account.campaign_of(ad).without_ads
        ]
        listed = "SELECT countIf(NOT startsWith(ad_id, 'campaign')) FROM zakaz.dim_yandex_direct_ads FINAL"
        assert loader.one(listed) == len(ads)


def test_pages_that_lead_nowhere_are_not_followed_for_ever(loader, api) -> None:
    api.inject("edit", route="*/ads", times=0, edits=[{"path": "result.LimitedBy", "value": 5}])
    assert loader.run() == 69
    assert "no end" in loader.last_run("error")[0]


def test_nothing_found_is_no_list(loader, api) -> None:
    for service in ("campaigns", "adgroups", "ads"):
        api.inject("status", route=f"*/{service}", times=0, status=200, body={"result": {}})
    assert loader.run() == 0
    assert loader.staging()
    nameless = "SELECT countIf(campaign_name = '') FROM zakaz.dim_yandex_direct_ads FINAL"
    assert loader.one(nameless) == 0, "reports name them"


def test_tabs_in_names_cost_no_row(bare_loader) -> None:
    with running_sandbox(**{**SMALL, **UNLIMITED, "yandex_direct_tab_in_names": True}) as api:
        loader = bare_loader.having(**pointed_at(api))
        assert loader.run() == 0
        loader.assert_equal_to(api.season)


@pytest.mark.parametrize(("cell", "value"), [("Cost", "--"), ("Date", "x")])
def test_a_row_that_cannot_be_read_leaves_what_was_loaded_of_its_day(loader, api, cell: str, value: str) -> None:
    keys = "SELECT d, campaign_id, ad_group_id, ad_id, network FROM zakaz.stg_yandex_direct_daily FINAL ORDER BY ALL"
    assert loader.run() == 0
    before = loader.rows(keys)
    api.mutate("revise_yandex_direct_days", days=1)
    api.inject("edit", route="*/reports", nth=2, edits=[{"path": f"rows.0.{cell}", "value": value}])
    assert loader.run() == 0
    assert loader.last_run("rows_rejected") == (1,)
    assert loader.rows(keys) == before, "nothing of that day is deleted"
    [(dataset, path)] = loader.rows("SELECT dataset, json_path FROM meta.rejected_records")
    assert (dataset, path) == ("ads", f"$.{cell}")
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_an_older_version_is_not_asked_for_what_it_does_not_know(loader, api) -> None:
    assert loader.having(yandex_direct_api_version="v5").run() == 0
    asked = [one["body"]["params"] for one in api.requests if one["path"].endswith(("/campaigns", "/ads"))]
    assert asked
    assert not any("Unified" in key or "Responsive" in key for params in asked for key in params)
    assert all(one["path"].startswith("/api/yandex_direct/json/v5/") for one in api.requests)
