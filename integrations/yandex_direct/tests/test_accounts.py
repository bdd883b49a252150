"""Which accounts the settings name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from yandex_direct.access.accounts import configured_accounts
from zakaz_common.errors import ConfigError

README = Path(__file__).resolve().parents[1] / "README.md"


def told(loader, **settings: object) -> list[tuple[str, str, str]]:
    found = configured_accounts(loader.having(**settings).configured())
    return [(one.name, one.token.get_secret_value(), one.client_login) for one in found]


def test_one_token_is_one_account(bare_loader) -> None:
    assert told(bare_loader, yandex_direct_token=" t ") == [("main", "t", "")]
    assert told(bare_loader, yandex_direct_token="t", yandex_direct_account_name="театр") == [("театр", "t", "")]


def test_an_agencys_clients_are_accounts_by_their_logins(bare_loader) -> None:
    found = told(bare_loader, yandex_direct_token="t", yandex_direct_agency_clients=" a-1, mail@b.example ,")
    assert found == [("a-1", "t", "a-1"), ("mail@b.example", "t", "mail@b.example")], "as they are written"


def test_the_readmes_list_is_what_the_deployment_takes_as_a_secret(bare_loader) -> None:
    """A secret of the deployment is ASCII; a … of the document is the operator's to fill in."""
    [line] = [one for one in README.read_text().splitlines() if one.startswith("YANDEX_DIRECT_ACCOUNTS=")]
    given = line.partition("=")[2].replace("…", "x")
    assert given.isascii()
    assert told(bare_loader, yandex_direct_accounts=given) == [("teatr", "x", ""), ("цирк", "x", "cirk")]


def test_a_list_stands_in_place_of_the_rest(bare_loader) -> None:
    entries = [{"name": "театр", "token": "1"}, {"name": "цирк", "token": "2", "client_login": "cirk"}]
    found = told(
        bare_loader,
        yandex_direct_token="t",
        yandex_direct_agency_clients="x",
        yandex_direct_accounts=json.dumps(entries),
    )
    assert found == [("театр", "1", ""), ("цирк", "2", "cirk")]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "YANDEX_DIRECT_TOKEN is not set"),
        ({"yandex_direct_token": "  "}, "YANDEX_DIRECT_TOKEN is not set"),
        ({"yandex_direct_token": "пароль"}, "YANDEX_DIRECT_TOKEN: a token of Latin letters"),
        ({"yandex_direct_token": "a b"}, "YANDEX_DIRECT_TOKEN: a token of Latin letters"),
        ({"yandex_direct_token": "t", "yandex_direct_agency_clients": "цирк"}, "YANDEX_DIRECT_AGENCY_CLIENTS: a login"),
        ({"yandex_direct_token": "t", "yandex_direct_agency_clients": "a,a"}, "names 'a' twice"),
        ({"yandex_direct_accounts": "[]"}, "empty list"),
        ({"yandex_direct_accounts": "{}"}, "YANDEX_DIRECT_ACCOUNTS is wrong"),
        ({"yandex_direct_accounts": '[{"name": "a"}]'}, "missing required field `token`"),
        ({"yandex_direct_accounts": '[{"name": "a", "token": " "}]'}, "name or token is empty"),
        ({"yandex_direct_accounts": '[{"name": "a", "token": "t\\n"}, {"name": "a", "token": "u"}]'}, "'a' twice"),
        ({"yandex_direct_accounts": '[{"name": "a", "token": "t", "login": "x"}]'}, "unknown field `login`"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence_without_secrets(bare_loader, settings: dict, sentence: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        told(bare_loader, **settings)
    assert sentence in str(refusal.value)
    assert "пароль" not in str(refusal.value)
