"""What plays are given of a source: its variables with their defaults, and its entry in the catalogue, evaluated."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from source_file import read_source
from vars.sources import RUN_TABLES, SHARED_CODE, argument_spec, settings_of, trusted, variables_of

SOURCE = """
title: Shop
kind: sales
order: 7
schedule: "*:5/30"
page: loader-failed.md
clickhouse:
  user: loader_shop
  password: clickhouse_shop_password
  rotates_as: clickhouse_shop
  writes: [zakaz.stg_shop]
  reads: [zakaz.dim_events]
  watched: [zakaz.stg_shop]
  never_silent: []
environment_prefix: SHOP_
settings:
  base_url: {description: Where., default: https://a, simulated: http://b, mends: true}
  token:
    {description: Who., secret: true, required: true, rotates_as: shop_token, mends: true, simulated: "{{ sandbox }}"}
  key: {description: Key., secret: true, required: true, unless: accounts}
  accounts: {description: Many., secret: true}
  login: {description: Login., required: true}
  days: {description: Days., type: int, default: 3}
services:
  bell:
    description: rings, since nobody asks. Loudly
    command: [bell]
    container: shop-bell
    environment_file: shop_bell.env
    port: 8099
    health: /healthz
    settings:
      secret: {description: Signs., secret: true, required: true, rotates_as: shop_bell}
      pause: {description: Seconds., type: float, default: 5}
    proof: {body: "{}"}
imports: {import-shop: [a.csv]}
smoke: {counts: {rows: SELECT 1}, expect: [rows > 0]}
"""
# of other sources and roles, as far as it names them
KNOWN = {
    "api_sandbox_enabled": False,
    "sandbox": "simulated",
    "zakaz_secrets_in_vault": False,
    "zakaz_secrets_dir": "/nowhere",
    "zakaz_name": "z",
    "zakaz_dir": "/opt/z",
    "container_images_refs": {"shop": "shop:1"},
    "clickhouse_shop_password": "password",
    "clickhouse_loader_environment": {"CLICKHOUSE_HOST": "h", "CLICKHOUSE_PORT": 1, "CLICKHOUSE_SECURE": False},
}


def shop(folder: Path, **changes: Any) -> dict[str, Any]:
    """The source, with other keys."""
    (folder / "source.yml").write_text(yaml.safe_dump(yaml.safe_load(SOURCE) | changes, sort_keys=False))
    return read_source(folder / "source.yml")


class Plays:
    """Plays with the source, of several inventories."""

    def __init__(self, source: dict[str, Any], name: str = "shop") -> None:
        self.offered = variables_of({name: source})

    def __getitem__(self, name: str) -> Any:
        return self.ask(name)

    def ask(self, name: str, **inventory: Any) -> Any:
        """What a variable is where an inventory sets others."""
        variables = self.offered | KNOWN | {key: trusted(value) for key, value in inventory.items()}
        return Templar(DataLoader(), variables=variables).template(trusted("{{ " + name + " }}"))

    def entry(self, key: str, **inventory: Any) -> Any:
        """What a key of its entry in the catalogue is."""
        return copy.deepcopy(self.ask(f"zakaz_source_catalogue.shop.{key}", **inventory))


@pytest.fixture
def plays(tmp_path: Path) -> Plays:
    return Plays(shop(tmp_path))


@pytest.fixture
def optional(tmp_path: Path) -> Plays:
    return Plays(shop(tmp_path, optional=True))


VAULT = {"zakaz_secrets_in_vault": True}


def missing(plays: Plays, name: str, **inventory: Any) -> bool:
    """Whether a variable asks the Vault for what it has not."""
    try:
        plays.ask(name, **VAULT, **inventory)
    except Exception as error:
        assert "vault_" in str(error)
        return True
    return False


def test_defaults_are_those_of_the_file_or_the_simulators(plays: Plays) -> None:
    assert (plays["shop_base_url"], plays["shop_days"], plays["shop_login"]) == ("https://a", 3, "")
    assert plays["shop_token"] == ""
    assert plays.ask("shop_base_url", api_sandbox_enabled=True) == "http://b"
    assert plays.ask("shop_token", api_sandbox_enabled=True, **VAULT) == "simulated"
    assert plays.ask("shop_key", api_sandbox_enabled=True) == ""
    assert (plays["shop_schedule"], plays["shop_run_now"], plays["shop_environment"]) == ("*:5/30", True, {})


def test_required_secrets_must_be_in_the_vault_where_secrets_are(plays: Plays) -> None:
    assert plays.ask("shop_token", vault_shop_token="t", **VAULT) == "t"
    assert missing(plays, "shop_token")
    assert missing(plays, "shop_key")
    assert not missing(plays, "shop_key", shop_accounts="[]")
    assert not missing(plays, "shop_accounts")
    # a service may be off
    assert not missing(plays, "shop_bell_secret")
    assert plays.ask("shop_bell_secret", vault_shop_bell_secret="s") == "s"
    assert plays.ask("clickhouse_shop_password", vault_clickhouse_shop_password="p", **VAULT) == "password"


def test_those_of_an_optional_source_may_be_missing_from_the_vault(optional: Plays) -> None:
    for name in ("shop_token", "shop_key", "shop_accounts", "shop_bell_secret"):
        assert optional.ask(name, **VAULT) == ""
    assert optional.ask("shop_token", vault_shop_token="t", **VAULT) == "t"
    assert optional.ask("shop_token", api_sandbox_enabled=True, **VAULT) == "simulated"


def test_the_password_of_its_loader_is_asked_for_where_it_is_on(tmp_path: Path) -> None:
    for source, inventory, asks in (
        (shop(tmp_path), {}, True),
        (shop(tmp_path, optional=True), {}, False),
        (shop(tmp_path, optional=True), {"vault_shop_token": "t"}, True),
        (shop(tmp_path, optional=True), {"shop_accounts": "[]"}, True),
    ):
        plays = Plays(source)
        kept = plays.offered["clickhouse_shop_password"]
        given = plays.ask("kept", kept=kept, vault_clickhouse_shop_password="p", **VAULT, **inventory)
        assert (missing(plays, "kept", kept=kept, **inventory), given) == (asks, "p" if asks else "")


@pytest.mark.parametrize(
    ("inventory", "on"),
    [
        ({}, False),
        ({"shop_token": " ", "shop_key": "\t\n", "shop_accounts": ""}, False),
        ({"shop_token": None}, False),
        ({"shop_login": "me", "shop_bell_enabled": True, "shop_bell_secret": "s"}, False),
        ({"api_sandbox_enabled": True}, True),
        ({"shop_token": "t"}, True),
        ({"shop_key": "k"}, True),
        ({"shop_accounts": "[]"}, True),
        ({"vault_shop_key": "k"} | VAULT, True),
        # it cannot be evaluated, and what is wrong with it is told by the preflight
        ({"shop_token": "{{ nowhere }}"}, True),
        ({"shop_token": "a{{b"}, True),
    ],
)
def test_an_optional_source_is_on_while_anything_of_what_it_needs_is_given(optional, inventory, on) -> None:
    assert optional.entry("is_on", **inventory) is on


def test_any_other_source_is_on(plays: Plays) -> None:
    assert plays.entry("is_on") is True
    assert plays.entry("off_words") == ""


def test_what_turns_an_optional_source_on_is_said(optional: Plays) -> None:
    words = "off: set shop_token, shop_key (or shop_accounts) in the inventory, and make deploy loads from it"
    assert optional.entry("off_words") == words


def test_credentials_are_what_must_not_be_empty(plays: Plays) -> None:
    empty = plays.entry("credentials")
    assert empty == {
        "clickhouse_shop_password": True, "shop_token": False, "shop_key": False, "shop_login": False,
        "shop_bell_secret": True,
    }  # fmt: skip
    given = {"shop_token": "t", "shop_login": "me", "shop_bell_enabled": True}
    assert [name for name, there in plays.entry("credentials", **given).items() if not there] == [
        "shop_key",
        "shop_bell_secret",
    ]
    given |= {"shop_accounts": "[]", "shop_bell_secret": "s"}
    assert all(plays.entry("credentials", **given).values())


def test_a_loader_and_its_services_are_given_their_settings_in_files_of_their_own(plays: Plays) -> None:
    assert plays.entry("environment", shop_token="t") == {
        "CLICKHOUSE_HOST": "h", "CLICKHOUSE_PORT": 1, "CLICKHOUSE_SECURE": False, "CLICKHOUSE_USER": "loader_shop",
        "CLICKHOUSE_PASSWORD": "password", "SHOP_BASE_URL": "https://a", "SHOP_TOKEN": "t", "SHOP_KEY": "",
        "SHOP_ACCOUNTS": "", "SHOP_LOGIN": "", "SHOP_DAYS": 3,
    }  # fmt: skip
    bell = plays.entry("services.bell", shop_bell_secret="s", shop_bell_enabled=True)
    assert bell["environment"] == {"SHOP_BELL_PORT": 8099, "SHOP_BELL_SECRET": "s", "SHOP_BELL_PAUSE": 5}
    assert (bell["name"], bell["source"], bell["title"], bell["enabled"]) == ("shop_bell", "shop", "rings", True)
    assert (bell["container"], bell["port"], bell["inner_port"]) == ("z-shop-bell", 8099, 8099)
    assert (bell["environment_file"], bell["health"]) == ("/opt/z/shop_bell.env", "/healthz")
    assert bell["published"] == {
        "address": "127.0.0.1", "port": 8099, "container": "z-shop-bell", "variable": "shop_bell_port",
        "address_variable": "shop_bell_publish_address",
    }  # fmt: skip
    assert bell["address_problem"] == ""
    problem = plays.entry("services.bell.address_problem", shop_bell_publish_address="0.0.0.0")
    assert "shop_bell_publish_address=0.0.0.0" in problem and "shop_bell_publish_plain_reason" in problem
    reason = {"shop_bell_publish_address": "0.0.0.0", "shop_bell_publish_plain_reason": "a proxy"}
    assert plays.entry("services.bell.address_problem", **reason) == ""


def test_its_secrets_are_rotated_in_every_file_that_has_them(plays: Plays) -> None:
    files = ("shop.env", "shop_bell.env")
    assert plays.entry("rotates") == {
        "clickhouse_shop": {
            "variable": "clickhouse_shop_password", "user": "loader_shop", "loader": "shop",
            "files": dict.fromkeys(files, "CLICKHOUSE_PASSWORD"),
        },
        "shop_token": {"variable": "shop_token", "loader": "shop", "files": dict.fromkeys(files, "SHOP_TOKEN")},
        "shop_bell": {
            "variable": "shop_bell_secret", "service": "shop_bell", "files": {"shop_bell.env": "SHOP_BELL_SECRET"},
        },
    }  # fmt: skip


def test_names_on_the_host_follow_its_name_and_the_deployments(plays: Plays, tmp_path: Path) -> None:
    names = {key: plays.entry(key) for key in ("slug", "command", "environment_file", "ended_file", "volume", "image")}
    assert names == {
        "slug": "z-shop", "command": "/opt/z/z-shop", "environment_file": "/opt/z/shop.env",
        "ended_file": "/opt/z/shop.ended.json", "volume": "z-shop-state", "image": "shop:1",
    }  # fmt: skip
    assert plays.entry("image", container_images_refs={}) == ""
    assert Plays(shop(tmp_path), "box_shop")["zakaz_source_catalogue.box_shop.slug"] == "z-box-shop"


def test_its_image_is_made_of_its_code_and_of_what_all_loaders_share(plays: Plays) -> None:
    build = plays.entry("build")
    assert build["paths"] == [*SHARED_CODE, "integrations/shop"]
    assert build["lock"] == "requirements/loader.txt"


def test_what_the_file_and_an_inventory_say_reaches_the_roles(plays: Plays) -> None:
    said = {
        "title": "Shop",
        "kind": "sales",
        "order": 7,
        "page": "loader-failed.md",
        "imports": {"import-shop": ["a.csv"]},
    }
    assert {key: plays.entry(key) for key in said} == said
    assert (plays.entry("watched"), plays.entry("never_silent")) == (["zakaz.stg_shop"], [])
    assert plays.entry("smoke") == {"counts": {"rows": "SELECT 1"}, "expect": ["rows > 0"]}
    assert plays.entry("services.bell.proof") == {"body": "{}"}
    own = {"schedule": "daily", "run_now": False, "base_url": "https://c", "environment": {"SHOP_DAYS": 4}}
    inventory = {f"shop_{key}": value for key, value in own.items()}
    keys = {key: "environment_more" if key == "environment" else key for key in own}
    assert {key: plays.entry(keys[key], **inventory) for key in own} == own


def test_what_is_a_template_is_rendered_however_deep(plays: Plays) -> None:
    assert plays.ask("deep", deep=["{{ sandbox }}", {"a": ["b", "{{ sandbox }}"]}]) == [
        "simulated", {"a": ["b", "simulated"]},
    ]  # fmt: skip


def test_its_user_writes_its_own_tables_and_reads_what_it_says(plays: Plays) -> None:
    user = plays.entry("clickhouse_user")
    assert user["grants"] == [
        *(f"GRANT SELECT, INSERT ON {table}" for table in ["zakaz.stg_shop", *RUN_TABLES]),
        "GRANT SELECT ON zakaz.dim_events",
    ]
    assert (user["name"], user["password"], user["profile"]) == ("loader_shop", "password", "loader")
    assert user["access_management"] is False


def test_the_secret_is_named_first_of_what_is_to_be_mended(plays: Plays) -> None:
    assert plays.entry("mends") == ["shop_token", "shop_base_url"]


def test_variables_have_types_and_secrets_are_hidden(tmp_path: Path) -> None:
    source = shop(tmp_path)
    assert settings_of("shop", source)["shop_bell_port"]["description"].endswith("the service for rings answers.")
    types = Plays(source).entry("argument_spec")
    assert types == argument_spec(settings_of("shop", source)) | {
        "clickhouse_shop_password": {"type": "str", "no_log": True}
    }
    assert types["shop_token"] == {"type": "str", "no_log": True}
    assert (types["shop_days"], types["shop_run_now"]) == ({"type": "int"}, {"type": "bool"})
    assert (types["shop_bell_port"], types["shop_bell_pause"]) == ({"type": "int"}, {"type": "float"})
