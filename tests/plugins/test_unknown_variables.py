"""A misspelt variable must be refused with the name that was meant, and nothing else refused."""

from __future__ import annotations

from pathlib import Path

from lookup.unknown_variables import known_settings, unknown_variables

ROLES = Path(__file__).parents[2] / "roles"
SETTINGS = {"clickhouse": {"clickhouse_http_port", "clickhouse_image"}, "shop": {"shop_client_id"}}


def test_settings_of_roles_are_accepted():
    assert unknown_variables(["clickhouse_http_port", "shop_client_id"], SETTINGS) == []


def test_misspelt_setting_is_refused_with_the_name_that_was_meant():
    (sentence,) = unknown_variables(["clickhouse_http_prot"], SETTINGS)
    assert sentence == "clickhouse_http_prot is not a variable of this project; did you mean clickhouse_http_port?"


def test_misspelt_role_name_is_refused_too():
    (sentence,) = unknown_variables(["clickhuose_http_port"], SETTINGS)
    assert "did you mean clickhouse_http_port?" in sentence


def test_variables_that_are_nobodys_setting_are_left_alone():
    names = ["ansible_host", "vault_shop_client_id", "__clickhouse_private", "inventory_hostname", "groups", "team"]
    assert unknown_variables(names, SETTINGS) == []


def test_every_role_declares_its_settings():
    settings = known_settings(ROLES)
    assert {"clickhouse", "loader", "zakaz"} <= settings.keys()
    assert "clickhouse_http_port" in settings["clickhouse"]
