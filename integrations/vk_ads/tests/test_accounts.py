"""Cabinets from the settings: one, several, an agency's; and what is wrong with them in a sentence."""

import json

import pytest
from pydantic import SecretStr
from vk_ads.access.accounts import Account, configured_accounts
from vk_ads.settings import VkAdsSettings
from zakaz_common.errors import ConfigError


def accounts(**values: str) -> list[Account]:
    settings = VkAdsSettings(clickhouse_host="h", clickhouse_user="u", clickhouse_password="p", **values)
    return configured_accounts(settings)


def test_one_client_is_one_cabinet() -> None:
    [account] = accounts(vk_ads_client_id="1", vk_ads_client_secret="s")
    assert (account.name, account.grant()) == ("main", {"grant_type": "client_credentials", "client_id": "1"})


def test_an_agency_reads_each_of_its_clients() -> None:
    found = accounts(vk_ads_client_id="1", vk_ads_client_secret="s", vk_ads_agency_clients="театр , цирк,")
    assert [account.name for account in found] == ["театр", "цирк"]
    assert found[1].grant() == {
        "grant_type": "agency_client_credentials",
        "client_id": "1",
        "agency_client_name": "цирк",
    }


def test_a_list_holds_cabinets_of_every_kind() -> None:
    listed = [
        {"name": "свой", "client_id": 11, "client_secret": "a"},
        {"name": "цирк", "client_id": "12", "client_secret": "b", "agency_client_id": 7},
        {"name": "театр", "client_id": "12", "client_secret": "b", "agency_client_name": "teatr"},
    ]
    found = accounts(vk_ads_accounts=json.dumps(listed))
    assert found == [
        Account("свой", "11", SecretStr("a"), "", "agency_client_id"),
        Account("цирк", "12", SecretStr("b"), "7", "agency_client_id"),
        Account("театр", "12", SecretStr("b"), "teatr", "agency_client_name"),
    ]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "VK_ADS_CLIENT_ID is not set"),
        ({"vk_ads_client_id": "1"}, "VK_ADS_CLIENT_SECRET is not set"),
        ({"vk_ads_accounts": "[{"}, "VK_ADS_ACCOUNTS is wrong"),
        ({"vk_ads_accounts": "[]"}, "empty list"),
        ({"vk_ads_accounts": '[{"name":"a","client_id":"1"}]'}, "client_secret"),
        ({"vk_ads_accounts": '[{"name":"a","client_id":"1","client_secret":""}]'}, "is empty"),
        ({"vk_ads_accounts": '[{"nam":"a","client_id":"1","client_secret":"s"}]'}, "nam"),
        ({"vk_ads_client_id": "1", "vk_ads_client_secret": "s", "vk_ads_agency_clients": "a,a"}, "'a' twice"),
    ],
)
def test_what_is_wrong_is_said_and_no_secret_is(values: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        accounts(**values)


def test_a_secret_is_not_shown() -> None:
    [account] = accounts(vk_ads_client_id="1", vk_ads_client_secret="hush")
    assert "hush" not in repr(account)
