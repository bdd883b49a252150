"""Several cabinets in one run: an agency's, own ones, and one that fails by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from api_sandbox.testing import Sandbox, running_sandbox


@pytest.fixture
def api() -> Iterator[Sandbox]:
    with running_sandbox(
        orders=200, season_days=30, vk_accounts=3, vk_banners=60, vk_rps=10**5, vk_hourly=10**9, vk_daily=10**9
    ) as running:
        yield running


@pytest.fixture
def listed(bare_loader, api):
    """A loader of all three cabinets by their own credentials."""
    return bare_loader.having(vk_ads_base_url=api.url, vk_ads_accounts=as_setting(api.vk_clients))


def as_setting(clients) -> str:
    return json.dumps([{"name": name, "client_id": one, "client_secret": secret} for one, secret, name in clients])


def test_cabinets_with_their_own_credentials(listed, api) -> None:
    assert listed.run() == 0
    listed.assert_equal_to(api.season)
    assert api.count("*/token.json") == 3


def test_clients_of_an_agency(bare_loader, api) -> None:
    client_id, secret = api.vk_agency
    agency = bare_loader.having(
        vk_ads_base_url=api.url,
        vk_ads_client_id=client_id,
        vk_ads_client_secret=secret,
        vk_ads_agency_clients=", ".join(account.name for account in api.season.accounts_of("vk_ads")),
    )
    assert agency.run() == 0
    agency.assert_equal_to(api.season)
    assert agency.run() == 0
    assert agency.last_run("rows_written") == (0,)
    assert api.count("*/token.json") == 3


def test_a_cabinet_that_fails_does_not_stop_the_others(listed, api) -> None:
    clients = [list(client) for client in api.vk_clients]
    clients[1][1] = "wrong"
    partly = listed.having(vk_ads_accounts=as_setting(clients))
    assert partly.run() == 78
    [error] = partly.last_run("error")
    assert error.startswith("1 of 3 cabinets could not be read: kabinet-2: ")
    assert {key[1] for key in partly.staging()} == {"kabinet-1", "kabinet-3"}
    assert listed.rows("SELECT count() FROM meta.watermarks") == [(0,)]
    assert listed.run() == 0
    listed.assert_equal_to(api.season)


def test_a_cabinet_that_is_new_gets_its_history(listed, api) -> None:
    first = listed.having(vk_ads_accounts=as_setting(api.vk_clients[:1]))
    assert first.run() == 0
    assert listed.run() == 0
    listed.assert_equal_to(api.season)


def test_a_used_up_limit_of_one_cabinet_leaves_the_others_their_own(listed, api) -> None:
    api.inject("status", route="*/ad_plans.json", status=429, headers={"X-RateLimit-Daily-Remaining": "0"})
    assert listed.run() == 75
    assert {key[1] for key in listed.staging()} == {"kabinet-2", "kabinet-3"}
    assert listed.run() == 0
    listed.assert_equal_to(api.season)
