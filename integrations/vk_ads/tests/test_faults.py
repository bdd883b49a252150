"""Faults of the API that only VK has, over real sockets; `test_contract.py` has those of every API.

Each ends in equality with the cabinet, at once or after the next run, or in a clear failure with nothing half done.
"""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest
from zakaz_common.moscow import moscow_day, now_moscow

pytestmark = pytest.mark.patient

STATISTICS = "*/statistics/banners/day.json"
BANNERS = "*/banners.json"


def assert_failed_cleanly(loader, code: int, told: str) -> None:
    """The run says what it was, moves no watermark, and leaves no half of the mart."""
    status, exit_code, error = loader.last_run("status", "exit_code", "error")
    assert status in ("failed", "stopped")
    assert exit_code == code
    assert told in error
    assert loader.rows("SELECT count() FROM meta.watermarks") == [(0,)]
    staged, shown = (
        loader.rows(f"SELECT count(), sum(spend) FROM zakaz.{table} FINAL")[0]
        for table in ("stg_vk_ads_daily", "dm_ads_daily")
    )
    assert shown in (staged, (0, None), (0, 0))


@pytest.mark.parametrize(("name", "word"), [("Hourly", "hourly"), ("Daily", "daily")])
def test_a_used_up_limit_stops_the_run_and_says_when_it_resets(loader, api, name: str, word: str) -> None:
    api.inject(
        "status",
        route=BANNERS,
        status=429,
        headers={f"X-RateLimit-{name}-Remaining": "0", f"X-RateLimit-{name}-Limit": "100"},
    )
    assert loader.run() == 75
    assert_failed_cleanly(loader, 75, f"{word} limit for banners.json is used up; it resets by")
    assert api.count(BANNERS) == 1
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_the_rate_the_server_names_is_kept(loader, api) -> None:
    api.inject("status", route="*/ad_plans.json", status=429, retry_after=0, headers={"X-RateLimit-RPS-Limit": "2"})
    assert loader.run() == 0
    # Two requests a second from then on: every one after the token, the user and the plans waits for its turn.
    assert len([wait for wait in loader.waits if 0.2 < wait <= 0.5]) >= api.count() - 3


@pytest.mark.parametrize("path", ["base.spent", "date"])
def test_a_broken_day_is_rejected_and_costs_that_day_only(loader, api, path: str) -> None:
    api.inject("edit", route=STATISTICS, edits=[{"path": f"items.0.rows.0.{path}", "value": ["?"]}])
    assert loader.run() == 0
    [(key, place)] = loader.rows("SELECT record_key, json_path FROM meta.rejected_records")
    assert key.startswith("kabinet-1/")
    assert place.startswith(f"$.{path}")
    # The broken day is of the first run's oldest days; reading it again brings it.
    assert loader.backfill(api.season.first_day, moscow_day(now_moscow())) == 0
    loader.assert_equal_to(api.season)


def test_a_broken_day_read_again_does_not_delete_what_was_loaded(loader, api) -> None:
    loader.run()
    api.inject("edit", route=STATISTICS, edits=[{"path": "items.*.rows.0.base.shows", "value": "?"}])
    loader.having(loader_max_rejected_ratio=1).run()
    assert loader.rows("SELECT count() > 0 FROM meta.rejected_records") == [(True,)]
    loader.assert_equal_to(api.season)


DESCRIPTIVE = ("ad_group_id", "name", "status", "urls", "created")


@pytest.mark.parametrize("field", DESCRIPTIVE)
def test_a_field_that_no_figure_needs_costs_no_spend(loader, api, field: str) -> None:
    api.inject("edit", route=BANNERS, edits=[{"path": f"items.0.{field}", "value": 7.5}])
    assert loader.run() == 0
    assert loader.rows("SELECT count() FROM meta.rejected_records") == [(0,)]
    [(dataset, path, records, key)] = loader.rows(
        "SELECT dataset, json_path, records, example_key FROM meta.degraded_fields"
    )
    assert (dataset, path, records) == ("banners", f"$.{field}", 1)
    assert key.startswith("kabinet-1/")


def test_ids_as_text_new_fields_and_php_lists_are_taken(loader, api) -> None:
    first = api.season.accounts_of("vk_ads")[0]
    banner = min(first.banners)
    api.inject("edit", route=BANNERS, edits=[{"path": "items.0.id", "value": str(banner)}])
    api.inject("edit", route=BANNERS, edits=[{"path": "items.*.novelty", "value": {"a": [1]}}])
    api.inject("edit", route=STATISTICS, edits=[{"path": "items.0.id", "value": str(banner)}])
    api.inject("edit", route=STATISTICS, edits=[{"path": "items.*.rows.*.base.novelty", "value": 1}])
    assert loader.run() == 0
    loader.assert_equal_to(api.season)
    api.inject("edit", route=BANNERS, edits=[{"path": "items.*.urls", "value": []}])
    assert loader.run() == 0
    assert loader.rows("SELECT count() FROM meta.rejected_records") == [(0,)]


def test_statistics_without_an_item_leave_the_banner_as_it_was(loader, api) -> None:
    loader.run()
    before = loader.staging()
    api.inject("edit", route=STATISTICS, edits=[{"path": "items", "value": []}])
    assert loader.run() == 0
    assert loader.staging() == before


@pytest.mark.parametrize("shift", [-400, 3])
def test_days_that_were_not_asked_for_are_not_taken(loader, api, shift: int) -> None:
    day = moscow_day(now_moscow()) + timedelta(days=shift)
    api.inject("edit", route=STATISTICS, edits=[{"path": "items.0.rows.0.date", "value": day.isoformat()}])
    assert loader.run() == 0
    assert day not in {key[0] for key in loader.staging()}
    assert loader.rows("SELECT json_path FROM meta.rejected_records") == [("$.date",)]


def test_a_repeated_page_is_noticed_and_read_again(loader, api) -> None:
    api.inject("duplicate_page", route=BANNERS, nth=2)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_banners_added_while_listing_are_loaded_by_this_run_or_the_next(loader, api) -> None:
    new = {"kind": "add_vk_banners", "count": 4, "days": 1}
    api.inject("mutate", route=BANNERS, nth=2, mutations=[new])
    api.inject("mutate", route=STATISTICS, mutations=[{"kind": "revise_vk_days", "days": 2}])
    assert loader.run() == 0
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_an_api_that_is_not_there_is_unavailable(loader) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    loader = loader.having(vk_ads_base_url=f"http://127.0.0.1:{port}")
    assert loader.run() == 69
    assert_failed_cleanly(loader, 69, str(port))


def test_dates_out_of_reach_are_told(loader, api) -> None:
    api.inject(
        "status", route=STATISTICS, status=400, times=0, body={"error": {"code": "ERR_WRONG_DATE", "message": "no"}}
    )
    assert loader.run() == 65
    assert_failed_cleanly(loader, 65, "begin the backfill later")


@pytest.mark.parametrize(("status", "code"), [(400, "ERR_WRONG_BANNERS"), (403, "ERR_ACCESS_DENIED")])
def test_a_cabinet_that_refuses_every_id_fails_after_a_few_calls(loader, api, status: int, code: str) -> None:
    api.inject("status", route=STATISTICS, status=status, times=0, body={"error": {"code": code, "message": "no"}})
    assert loader.run() == 65
    assert_failed_cleanly(loader, 65, code)
    assert api.count(STATISTICS) < 80
