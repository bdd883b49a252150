"""Starting the service the way the container does, its settings, and what it costs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import httpx2
import pytest
from conftest import SEASON_END, Caller

from api_sandbox.season.moscow_time import today
from api_sandbox.season.truth import roi_json
from api_sandbox.settings import SettingsError, from_environment
from api_sandbox.testing import make_season, running_sandbox, sandbox_process

SOURCE = Path(__file__).resolve().parents[2] / "src"


def test_process_serves_the_season_its_variables_name() -> None:
    with sandbox_process(seed=9, orders=123, season_end=SEASON_END, qtickets_token="other") as sandbox:
        caller = Caller(sandbox)
        assert caller.http.get("/healthz").json() == {"status": "ok", "orders": 123}
        assert caller.qtickets("/orders").json()["paging"]["total"] == 123
        assert caller.qtickets("/orders", token="sandbox-qtickets-token").status_code == 403
        expected = make_season(seed=9, orders=123, season_end=SEASON_END, season_days=60)
        assert sandbox.roi() == roi_json(expected) == roi_json(sandbox.season)
        with pytest.raises(httpx2.RemoteProtocolError):  # faults work outside the test's own process too
            sandbox.inject("cut", route="*/events")
            caller.qtickets("/events")
        caller.http.close()


def test_truth_says_that_no_live_api_has_it(shared: Caller) -> None:
    answer = shared.http.get("/truth/roi.json")
    assert "sandbox" in str(answer.headers).lower()
    assert set(answer.json()[0]) == {"d", "city", "tickets_sold", "revenue", "impressions", "clicks", "spend"}


def test_a_ready_season_can_be_served() -> None:
    season = make_season(seed=3, orders=60, season_end=SEASON_END, season_days=30)
    with running_sandbox(season) as sandbox:
        assert sandbox.season is season
        assert sandbox.roi() == roi_json(season)


def test_settings_from_the_environment() -> None:
    settings = from_environment(
        {"API_SANDBOX_ORDERS": "5", "API_SANDBOX_SEASON_END": "2026-10-01", "HOME": "/"}
    ).service
    assert (settings.orders, settings.season_end, settings.season_days) == (5, date(2026, 10, 1), 120)
    assert from_environment({"API_SANDBOX_SEASON_END": ""}).service.season_end == today() - timedelta(days=1)
    assert from_environment({"API_SANDBOX_MULTILINGUAL": "true"}).service.multilingual is True


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("API_SANDBOX_ORDERS", "many", "expected a whole number"),
        ("API_SANDBOX_SEASON_END", "30.11.2026", "expected a date like"),
        ("API_SANDBOX_ORDRES", "5", "no such setting"),
    ],
)
def test_wrong_settings_end_with_one_sentence(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}.*{says}"):
        from_environment({name: value})
    done = subprocess.run(
        [sys.executable, "-m", "api_sandbox"],
        env={name: value, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 78
    assert done.stderr.count("\n") == 1 and name in done.stderr


def test_impossible_season_ends_with_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api_sandbox"],
        env={"API_SANDBOX_SEASON_DAYS": "2", "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 78 and "season_days" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_hundred_thousand_orders_page_through() -> None:
    began = time.monotonic()
    with running_sandbox(orders=100_000, season_end=SEASON_END, season_days=120) as sandbox:
        started = time.monotonic()
        caller = Caller(sandbox)
        rows = 0
        number = 1
        while data := caller.qtickets("/orders", {"where": [{"column": "payed", "value": 1}], "page": number}).json()[
            "data"
        ]:
            rows += len(data)
            number += 1
        print(f"start {started - began:.1f} s, {number} pages {time.monotonic() - started:.1f} s")
        assert rows == sum(order.payed for order in sandbox.season.orders.values())
        caller.http.close()


def test_answers_are_compressed_where_the_vendor_does(shared: Caller) -> None:
    plain = shared.http.get("/api/rest/v1/orders", headers={"Accept-Encoding": "gzip"})
    assert plain.status_code == 403 and "content-encoding" not in plain.headers


def test_requests_are_logged_without_what_opens(fresh: Callable[..., Caller]) -> None:
    caller = fresh()
    caller.http.get("/api/rest/v1/orders", headers={"Authorization": "Bearer secret", "Accept-Language": "ru"})
    [entry] = caller.sandbox.requests
    assert entry["headers"]["accept-language"] == "ru" and "secret" not in str(entry)
