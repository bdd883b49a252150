"""Which accounts a run reads, from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from pydantic import SecretStr
from zakaz_common.errors import ConfigError
from zakaz_common.settings import SECRETS_DIR

from yandex_direct.settings import YandexDirectSettings

_TOKEN, _LOGINS, _LIST = "YANDEX_DIRECT_TOKEN", "YANDEX_DIRECT_AGENCY_CLIENTS", "YANDEX_DIRECT_ACCOUNTS"


@dataclass(frozen=True, slots=True)
class Account:
    """One advertiser's account.

    Parameters:
        name: what the warehouse calls it (column ``account``); unique within the settings.
        token: OAuth token of the advertiser, or of a representative of its agency.
        client_login: for an agency's client, the client's login, never the agency's; '' for the token's own account.
        token_setting: the variable that holds the token, for messages.
        login_setting: the variable that holds the login.
    """

    name: str
    token: SecretStr = field(repr=False)
    client_login: str = ""
    token_setting: str = _TOKEN
    login_setting: str = _LOGINS


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """One element of YANDEX_DIRECT_ACCOUNTS."""

    name: str
    token: str
    client_login: str = ""


def configured_accounts(settings: YandexDirectSettings) -> list[Account]:
    """Every account the settings name, in their order.

    Errors:
        ConfigError when there is none, or the list cannot be read, or two share a name.
    """
    listed = settings.yandex_direct_accounts.get_secret_value().strip()
    variable = _LIST if listed else _LOGINS
    if listed:
        accounts = [
            Account(entry.name, SecretStr(entry.token.strip()), entry.client_login.strip(), _LIST, _LIST)
            for entry in _entries(listed)
        ]
    else:
        accounts = _of_one_token(settings)
    names = [account.name for account in accounts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{variable} names {twice!r} twice; give each account a name of its own")
    for account in accounts:
        for what, value in (("token", account.token.get_secret_value()), ("login", account.client_login)):
            # they travel as headers; the value is not shown, since it may be a secret
            if not value.isascii() or not value.isprintable() or " " in value:
                setting = account.token_setting if what == "token" else account.login_setting
                raise ConfigError(f"{setting}: a {what} of Latin letters, digits and signs is expected, without blanks")
    return accounts


def _of_one_token(settings: YandexDirectSettings) -> list[Account]:
    token = settings.yandex_direct_token.get_secret_value().strip()
    if not token:
        raise ConfigError(
            f"{_TOKEN} is not set; put it into the loader's env file or into {SECRETS_DIR}/{_TOKEN.lower()} "
            f"(or list several accounts in {_LIST})"
        )
    logins = [login.strip() for login in settings.yandex_direct_agency_clients.split(",") if login.strip()]
    if logins:
        return [Account(login, SecretStr(token), login) for login in logins]
    return [Account(settings.yandex_direct_account_name, SecretStr(token))]


def _entries(text: str) -> list[_Entry]:
    try:
        entries = msgspec.json.decode(text, type=list[_Entry])
    except (msgspec.DecodeError, UnicodeError) as error:
        # msgspec names the place and the expected type, never the value.
        reason = error if isinstance(error, msgspec.DecodeError) else "it is no text"
        raise ConfigError(
            f"{_LIST} is wrong: {reason}; expected a JSON list of objects with name, token and, for an agency's "
            "client, client_login"
        ) from None
    for entry in entries:
        if not (entry.name.strip() and entry.token.strip()):
            raise ConfigError(f"{_LIST} has an entry whose name or token is empty")
    if not entries:
        raise ConfigError(f"{_LIST} is an empty list; name at least one account or unset it")
    return entries
