"""Which cabinets a run reads, from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from pydantic import SecretStr
from zakaz_common.errors import ConfigError
from zakaz_common.settings import SECRETS_DIR

from vk_ads.settings import VkAdsSettings


@dataclass(frozen=True, slots=True)
class Account:
    """One cabinet.

    Parameters:
        name: what the warehouse calls it (column ``account``); unique within the settings.
        client_id: the API client's id.
        client_secret: its secret.
        agency_client: for an agency's client, its name or id at VK; '' for a cabinet of one's own.
        agency_client_by: which of the two ``agency_client`` is.
        currency: what the cabinet spends in where VK does not say it (ISO 4217); '' where the settings do not either.
    """

    name: str
    client_id: str
    client_secret: SecretStr = field(repr=False)
    agency_client: str = ""
    agency_client_by: str = "agency_client_name"
    currency: str = ""

    def grant(self) -> dict[str, str]:
        """The form fields that ask the token endpoint for a new token, without the secret."""
        if not self.agency_client:
            return {"grant_type": "client_credentials", "client_id": self.client_id}
        return {
            "grant_type": "agency_client_credentials",
            "client_id": self.client_id,
            self.agency_client_by: self.agency_client,
        }


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """One element of VK_ADS_ACCOUNTS."""

    name: str
    client_id: str | int
    client_secret: str
    agency_client_name: str = ""
    agency_client_id: str | int = ""
    currency: Annotated[str, msgspec.Meta(pattern="^([A-Z]{3})?$")] = ""


def configured_accounts(settings: VkAdsSettings) -> list[Account]:
    """Every cabinet the settings name, in their order.

    Errors:
        ConfigError when there is none, or the list cannot be read, or two share a name.
    """
    listed = settings.vk_ads_accounts.get_secret_value().strip()
    if listed:
        accounts = [_account(entry, settings.vk_ads_currency) for entry in _entries(listed)]
        variable = "VK_ADS_ACCOUNTS"
    else:
        accounts = _single_client(settings)
        variable = "VK_ADS_AGENCY_CLIENTS"
    names = [account.name for account in accounts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{variable} names {twice!r} twice; give each cabinet a name of its own")
    return accounts


def _single_client(settings: VkAdsSettings) -> list[Account]:
    client_id, secret = settings.vk_ads_client_id.strip(), settings.vk_ads_client_secret
    for variable, value in (
        ("VK_ADS_CLIENT_ID", client_id),
        ("VK_ADS_CLIENT_SECRET", secret.get_secret_value()),
    ):
        if not value:
            raise ConfigError(
                f"{variable} is not set; put it into the loader's env file or into "
                f"{SECRETS_DIR}/{variable.lower()} (or list several cabinets in VK_ADS_ACCOUNTS)"
            )
    clients = [name.strip() for name in settings.vk_ads_agency_clients.split(",") if name.strip()]
    if clients:
        return [Account(name, client_id, secret, name, currency=settings.vk_ads_currency) for name in clients]
    return [Account(settings.vk_ads_account_name, client_id, secret, currency=settings.vk_ads_currency)]


def _entries(text: str) -> list[_Entry]:
    try:
        entries = msgspec.json.decode(text, type=list[_Entry])
    except msgspec.DecodeError as error:
        # msgspec names the place and the expected type, never the value.
        raise ConfigError(
            f"VK_ADS_ACCOUNTS is wrong: {error}; expected a JSON list of objects with name, client_id, "
            "client_secret and, where they apply, agency_client_name or agency_client_id, and currency"
        ) from None
    for entry in entries:
        if not (entry.name and entry.client_id and entry.client_secret):
            raise ConfigError("VK_ADS_ACCOUNTS has an entry whose name, client_id or client_secret is empty")
    if not entries:
        raise ConfigError("VK_ADS_ACCOUNTS is an empty list; name at least one cabinet or unset it")
    return entries


def _account(entry: _Entry, currency: str) -> Account:
    by_name = bool(entry.agency_client_name)
    return Account(
        entry.name,
        str(entry.client_id),
        SecretStr(entry.client_secret),
        str(entry.agency_client_name or entry.agency_client_id),
        "agency_client_name" if by_name else "agency_client_id",
        entry.currency or currency,
    )
