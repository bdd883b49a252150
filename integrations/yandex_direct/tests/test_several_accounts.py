"""Several accounts: of their own tokens or an agency's, in several currencies, and one that fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from api_sandbox.season.moscow_time import today
from api_sandbox.testing import Sandbox, running_sandbox
from conftest import UNLIMITED, as_setting
from truth import total_spend
from yandex_direct import LOADER

pytestmark = pytest.mark.patient


@pytest.fixture
def several() -> Iterator[Sandbox]:
    """Three accounts, the last of which spends another money."""
    with running_sandbox(
        orders=100,
        season_days=30,
        vk_banners=0,
        yandex_direct_accounts=3,
        yandex_direct_ads=30,
        yandex_direct_currencies="RUB,RUB,KZT",
        **UNLIMITED,
    ) as running:
        yield running


@pytest.fixture
def loader(bare_loader, several):
    return bare_loader.having(
        yandex_direct_base_url=f"{several.url}/api/yandex_direct", yandex_direct_accounts=as_setting(several, [1, 2, 3])
    )


LOGINS = {f"direct-{n}": f"direct-{n}" for n in (1, 2, 3)}


def test_every_account_is_loaded_in_its_money_which_is_never_added_up(loader, several) -> None:
    assert loader.run() == 0
    loader.assert_equal_to(several.season, LOGINS)
    spent = dict(
        loader.rows(f"SELECT currency, sum(spend) FROM bi.v_ads_daily WHERE source = '{LOADER}' GROUP BY currency")
    )
    assert spent == {currency: total_spend(several.season, currency) for currency in ("RUB", "KZT")}
    assert all(spent.values())
    for view in ("v_marketing_roi_daily", "v_romi_utm_daily"):
        assert loader.one(f"SELECT sum(spend) FROM bi.{view}") == spent["RUB"], view
    rates = loader.rows("SELECT DISTINCT vat_rate FROM zakaz.stg_yandex_direct_daily FINAL WHERE currency = 'KZT'")
    assert [float(rate) for (rate,) in rates] == [0.16]
    assert loader.run() == 0
    assert loader.last_run("rows_written") == (0,)


def test_an_agencys_clients_are_read_with_its_token(loader, several) -> None:
    agency = loader.having(
        yandex_direct_accounts="",
        yandex_direct_token=several.truth("yandex_direct")["agency_token"],
        yandex_direct_agency_clients=",".join(LOGINS),
    )
    assert agency.run() == 0
    agency.assert_equal_to(several.season, LOGINS)


def test_an_agencys_token_without_a_client_is_told_what_is_missing(loader, several) -> None:
    agency = loader.having(
        yandex_direct_accounts="", yandex_direct_token=several.truth("yandex_direct")["agency_token"]
    )
    assert agency.run() == 65
    assert "YANDEX_DIRECT_AGENCY_CLIENTS" in agency.last_run("error")[0]


def test_one_account_that_fails_does_not_stop_the_others(loader, several) -> None:
    entries = json.loads(as_setting(several, [1, 2, 3]))
    entries[1]["token"] = "revoked"
    broken = loader.having(yandex_direct_accounts=json.dumps(entries))
    assert broken.run() == 78
    [error] = broken.last_run("error")
    assert error.startswith("1 of 3 accounts could not be read: direct-2: ")
    assert "must sign in again" in error and "YANDEX_DIRECT_ACCOUNTS" in error
    assert loader.rows("SELECT count() FROM meta.watermarks WHERE NOT endsWith(dataset, '_deep')") == [(0,)]
    accounts = {row[1] for row in loader.staging()}
    assert accounts == {"direct-1", "direct-3"}
    assert loader.one("SELECT count() FROM bi.v_ads_daily") > 0, "what was read is shown"
    assert loader.run() == 0
    loader.assert_equal_to(several.season, LOGINS)


@pytest.mark.parametrize("seconds", [600, 3600])
def test_an_account_that_would_eat_the_time_leaves_the_others_theirs(loader, several, seconds: int) -> None:
    """Of 1500 s a third of what the mart leaves."""
    several.inject("status", route="*/reports", nth=1, status=429, retry_after=seconds)
    assert loader.run() == 75
    assert (
        f"1 of 3 accounts could not be read: direct-1: the API asks to wait {seconds} s" in loader.last_run("error")[0]
    )
    assert {row[1] for row in loader.staging()} == {"direct-2", "direct-3"}
    shown = loader.rows("SELECT DISTINCT account FROM zakaz.dm_ads_daily FINAL ORDER BY account")
    assert shown == [("direct-2",), ("direct-3",)]
    assert loader.run() == 0
    loader.assert_equal_to(several.season, LOGINS)


def test_time_that_one_account_left_is_the_next_ones(loader, several) -> None:
    several.inject("status", route="*/reports", nth=3, status=429, retry_after=1000)
    assert loader.having(yandex_direct_accounts=as_setting(several, [1, 2])).run() == 0
    assert sum(loader.waits) >= 1000


def test_a_tenth_of_the_time_is_kept_for_the_mart(loader, several) -> None:
    several.inject("status", route="*/campaigns", status=429, retry_after=1400)
    assert loader.having(yandex_direct_accounts=as_setting(several, [1])).run() == 75
    assert loader.one("SELECT count() FROM zakaz.dm_ads_daily FINAL") > 0, "what the reports brought"


def test_a_login_that_is_unknown_is_named(loader, several) -> None:
    entries = json.loads(as_setting(several, [1]))
    entries[0]["client_login"] = "nobody"
    assert loader.having(yandex_direct_accounts=json.dumps(entries)).run() == 78
    assert "nobody" in loader.last_run("error")[0]


def test_accounts_that_were_read_are_not_read_whole_for_one_that_never_is(loader, several) -> None:
    entries = json.loads(as_setting(several, [1, 2, 3]))
    entries[1]["token"] = "revoked"
    broken = loader.having(yandex_direct_accounts=json.dumps(entries))
    assert [broken.run(), broken.run()] == [78, 78]
    first = broken.last_run("window_from")[0].date()
    assert first == today() - timedelta(days=6), "what was read stays read"
    assert loader.run() == 0
    loader.assert_equal_to(several.season, LOGINS)


def test_a_new_account_gets_its_history(loader, several) -> None:
    assert loader.having(yandex_direct_accounts=as_setting(several, [1, 2])).run() == 0
    assert loader.run() == 0
    loader.assert_equal_to(several.season, LOGINS)


@pytest.mark.parametrize("told", [None, "", "roubles", 643])
def test_an_account_of_unknown_currency_is_not_loaded(loader, several, told: object) -> None:
    several.inject("edit", route="*/clients", nth=2, edits=[{"path": "result.Clients.0.Currency", "value": told}])
    assert loader.run() == 65
    [error] = loader.last_run("error")
    assert error.startswith("1 of 3 accounts could not be read: direct-2: Yandex Direct does not say which currency")
    assert "direct-2" not in {row[1] for row in loader.staging()}


def test_a_part_of_one_account_that_is_rejected_fails_the_run_whatever_the_others_are(loader, several) -> None:
    several.inject("edit", route="*/ads", nth=1, edits=[{"path": "result.Ads.*.Id", "value": "x"}])
    assert loader.run() == 65
    [error] = loader.last_run("error")
    assert error.startswith("1 of 3 accounts could not be read: direct-1: ")
    assert "listed_ads of direct-1 were rejected (100.0%)" in error
    read = loader.rows("SELECT dataset FROM meta.watermarks WHERE endsWith(dataset, '/recent_deep') ORDER BY dataset")
    assert [row[0].split("/")[0] for row in read] == ["direct-2", "direct-3"]


def named(several, *names: str) -> dict[str, str]:
    """Accounts of the first cabinets under these names."""
    entries = json.loads(as_setting(several, range(1, len(names) + 1)))
    return {"yandex_direct_accounts": json.dumps([{**e, "name": n} for e, n in zip(entries, names, strict=True)])}


def test_one_cabinet_is_not_loaded_under_two_names_of_a_run(loader, several) -> None:
    agency = loader.having(
        yandex_direct_accounts="",
        yandex_direct_token=several.truth("yandex_direct")["agency_token"],
        yandex_direct_agency_clients="direct-1,Direct.1",
    )
    assert agency.run() == 78
    [error] = agency.last_run("error")
    assert "direct-1 and Direct.1 are one cabinet (direct-1)" in error and "YANDEX_DIRECT_AGENCY_CLIENTS" in error
    assert {row[1] for row in loader.staging()} == {"direct-1"}
    found = agency.command("check")
    assert found.returncode == 78 and "are one cabinet" in found.stdout


@pytest.mark.parametrize("before", ["run", "half a run", "backfill"])
def test_a_cabinet_that_gets_another_name_is_not_loaded_twice(loader, several, before: str) -> None:
    own = loader.having(**named(several, "main"))
    if before == "half a run":
        several.inject("status", route="*/campaigns", status=400, body={"error": {"error_code": 8000}})
    assert (own.backfill(today() - timedelta(days=3), today()) if before == "backfill" else own.run()) in (0, 65)
    figures = loader.staging()
    assert figures
    moved = loader.having(**named(several, "театр"))
    assert moved.run() == 78
    assert "is loaded under the name main" in moved.last_run("error")[0]
    assert loader.staging() == figures
    assert loader.having(**named(several, "main", "цирк")).run() == 0


def test_a_token_of_another_cabinet_replaces_nobodys_figures(loader, several) -> None:
    own = loader.having(**named(several, "main"))
    assert own.run() == 0
    figures = loader.staging()
    entries = json.loads(as_setting(several, [2]))
    foreign = loader.having(yandex_direct_accounts=json.dumps([{**entries[0], "name": "main"}]))
    assert foreign.run() == 78
    [error] = foreign.last_run("error")
    assert error.startswith("YANDEX_DIRECT_ACCOUNTS opens another cabinet (direct-2) than the one loaded as main")
    assert foreign.backfill(today(), today()) == 78
    assert loader.staging() == figures
    assert own.run() == 0


def test_a_cabinet_without_a_login_is_not_loaded(loader, several) -> None:
    several.inject("edit", route="*/clients", nth=1, edits=[{"path": "result.Clients.0.Login", "value": None}])
    assert loader.run() == 65
    assert "does not say whose cabinet direct-1 is" in loader.last_run("error")[0]
    assert "direct-1" not in {row[1] for row in loader.staging()}
