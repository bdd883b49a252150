"""What a cabinet spends in: asked of VK, else of the settings, never assumed."""

from __future__ import annotations

import pytest
from test_several_cabinets import as_setting

USER = "*/user.json"


def currencies(loader) -> set[tuple[str, str]]:
    return set(loader.rows("SELECT DISTINCT account, currency FROM zakaz.stg_vk_ads_daily FINAL"))


def in_dollars(api, number: int = 0) -> None:
    api.season.accounts_of("vk_ads")[number].currency = "USD"


def test_the_cabinets_own_currency_is_stored_with_every_row(loader, api) -> None:
    in_dollars(api)
    assert loader.run() == 0
    assert currencies(loader) == {("kabinet-1", "USD")}
    assert set(loader.rows("SELECT DISTINCT currency FROM zakaz.dm_ads_daily FINAL")) == {("USD",)}


@pytest.mark.parametrize(
    "answer",
    [
        {"currency": "USD"},
        {"currency": None, "account": {"currency": "USD"}},
        {"account": {"currency": "USD"}, "id": []},
        {"currency": " usd\n"},
    ],
)
def test_either_place_of_the_answer_is_read(loader, api, answer: dict) -> None:
    api.inject("status", route=USER, times=0, status=200, body=answer)
    assert loader.run() == 0
    assert currencies(loader) == {("kabinet-1", "USD")}


def test_the_account_is_asked_for_where_the_user_does_not_say_it(loader, api) -> None:
    in_dollars(api)
    api.inject("edit", route=USER, times=0, edits=[{"path": "currency", "op": "delete"}])
    assert loader.run() == 0
    assert currencies(loader) == {("kabinet-1", "USD")}


SILENT = [(403, {}), (404, {"error": "x"}), (400, {"code": "ERR_WRONG_PARAMETER"}), (200, {}), (200, []),
          (200, {"currency": "roubles"}), (200, {"currency": 643})]  # fmt: skip


@pytest.mark.parametrize(("status", "body"), SILENT)
def test_where_vk_does_not_say_it_the_setting_must(loader, api, status: int, body: object) -> None:
    api.inject("status", route=USER, times=0, status=status, body=body)
    assert loader.run() == 78
    [error] = loader.last_run("error")
    assert "VK_ADS_CURRENCY" in error
    assert loader.rows("SELECT count() FROM zakaz.stg_vk_ads_daily") == [(0,)]
    assert loader.having(vk_ads_currency="EUR").run() == 0
    assert currencies(loader) == {("kabinet-1", "EUR")}


@pytest.mark.parametrize("body", [{"currency": {"code": "USD"}}, {"currency": "$"}, {"account": [{"currency": "USD"}]}])
def test_a_currency_that_cannot_be_read_is_warned_of_before_the_setting_counts(loader, api, capsys, body) -> None:
    api.inject("status", route=USER, times=0, status=200, body=body)
    assert loader.having(vk_ads_currency="EUR").run() == 0
    assert capsys.readouterr().out.count("currency_unreadable") == 1


def test_a_silent_vk_is_not_warned_of(loader, api, capsys) -> None:
    api.inject("status", route=USER, times=0, status=200, body={"id": 1, "currency": None})
    assert loader.having(vk_ads_currency="EUR").run() == 0
    assert "currency_unreadable" not in capsys.readouterr().out


def test_what_vk_says_counts_before_the_setting(loader, api) -> None:
    in_dollars(api)
    assert loader.having(vk_ads_currency="EUR").run() == 0
    assert currencies(loader) == {("kabinet-1", "USD")}


def test_a_cabinet_of_unknown_currency_does_not_stop_the_others(bare_loader, several) -> None:
    entries = as_setting(several.vk_clients[:2])
    named = entries.replace('"name": "kabinet-1"', '"currency": "RUB", "name": "kabinet-1"')
    several.inject("status", route=USER, times=0, status=404, body={"error": "x"})
    loader = bare_loader.having(vk_ads_base_url=several.url, vk_ads_accounts=named)
    assert loader.run() == 78
    assert currencies(loader) == {("kabinet-1", "RUB")}
    [error] = loader.last_run("error")
    assert error.startswith("1 of 2 cabinets could not be read: kabinet-2: VK does not say")


def test_dollars_are_never_added_to_roubles(bare_loader, several) -> None:
    in_dollars(several, 1)
    loader = bare_loader.having(vk_ads_base_url=several.url, vk_ads_accounts=as_setting(several.vk_clients))
    assert loader.run() == 0
    roubles = loader.one("SELECT sum(spend) FROM zakaz.stg_vk_ads_daily FINAL WHERE currency = 'RUB'")
    assert roubles > 0
    assert loader.one("SELECT sum(spend) FROM zakaz.stg_vk_ads_daily FINAL") > roubles
    for view in ("v_vk_ads_daily", "v_marketing_roi_daily", "v_romi_utm_daily"):
        assert loader.one(f"SELECT sum(spend) FROM bi.{view}") == roubles, view


@pytest.fixture
def several():
    from api_sandbox.testing import running_sandbox

    with running_sandbox(
        orders=100, season_days=20, vk_accounts=2, vk_banners=20, vk_rps=10**5, vk_hourly=10**9, vk_daily=10**9
    ) as running:
        yield running


def test_a_dataset_of_one_cabinet_that_is_rejected_fails_the_run_whatever_the_others_are(bare_loader, several) -> None:
    """Five of six banners without a readable id, beside a sound cabinet and thousands of days."""
    loader = bare_loader.having(vk_ads_base_url=several.url, vk_ads_accounts=as_setting(several.vk_clients))
    several.inject("edit", route="*/banners.json", nth=1, edits=[{"path": "items.*.id", "value": "x"}])
    assert loader.run() == 65
    [error] = loader.last_run("error")
    assert "banners of kabinet-1 were rejected (100.0%)" in error


@pytest.mark.parametrize("text", ["a\x00b", "\u202e001", "й" * 65_536])
def test_a_broken_character_in_a_name_costs_no_banner(loader, api, text: str) -> None:
    api.inject("edit", route="*/banners.json", edits=[{"path": "items.0.name", "value": text}])
    assert loader.run() == 0
    loader.assert_equal_to(api.season)
    [(path, records)] = loader.rows("SELECT json_path, records FROM meta.degraded_fields")
    assert (path, records) == ("$.name", 1)
    [name] = loader.rows("SELECT name FROM zakaz.dim_vk_banners FINAL ORDER BY length(name) DESC LIMIT 1")[0:1]
    assert len(name[0]) <= 1000
