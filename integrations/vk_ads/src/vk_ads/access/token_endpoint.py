"""VK's OAuth endpoint: issue, refresh and delete tokens, with its refusals put into sentences."""

from __future__ import annotations

import msgspec
from zakaz_common.errors import ConfigError
from zakaz_common.http import ApiClient, NotFoundError, RefusedError, RequestRejectedError

from vk_ads.access.accounts import Account
from vk_ads.access.tokens import TokenRefused
from vk_ads.records import Token

_ISSUE_PATH = "/api/v2/oauth2/token.json"
_DELETE_PATH = "/api/v2/oauth2/token/delete.json"

_decode_token = msgspec.json.Decoder(Token).decode


class ClientRefused(ConfigError):
    """VK gives this client no token; the other cabinets of the run are not touched by it."""


class VkTokenEndpoint:
    """Talks to the token endpoint without a token.

    Parameters:
        client: an API client that adds no credentials; the secret travels in the form body only.
    """

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def issue(self, account: Account) -> Token:
        """A new pair by client credentials.

        Errors:
            ClientRefused when the five tokens VK allows are in use, or the client is not accepted.
        """
        try:
            return self._post(account, account.grant())
        except RefusedError as refusal:
            if refusal.status == 403:
                raise ClientRefused(
                    f"VK refuses a new token for the cabinet {account.name!r}: a client may hold five, and "
                    "they are in use (or the client lacks the right); run the loader once with "
                    "`revoke-tokens`, which deletes all five, also those of other programs that share "
                    "this client_id"
                ) from None
            raise _wrong_client(account, refusal.code) from None
        except RequestRejectedError as refusal:
            raise _wrong_client(account, refusal.code) from None

    def refresh(self, account: Account, refresh_token: str) -> Token:
        """A new pair for a refresh token; the old access token dies at once.

        Errors:
            TokenRefused when the refresh token is not accepted any more.
        """
        try:
            return self._post(
                account,
                {
                    "grant_type": "refresh_token",
                    "refresh_token": refresh_token,
                    "client_id": account.client_id,
                },
            )
        except (RefusedError, RequestRejectedError, NotFoundError) as refusal:
            raise TokenRefused(str(refusal)) from None

    def delete_all(self, account: Account) -> None:
        """Delete every token of this client and user at VK."""
        form = {key: value for key, value in account.grant().items() if key != "grant_type"}
        try:
            self._client.fetch(
                "POST",
                _DELETE_PATH,
                form={**form, "client_secret": account.client_secret.get_secret_value()},
                decode=bytes,
                allow_renew=False,
            )
        except (RefusedError, RequestRejectedError) as refusal:
            raise _wrong_client(account, refusal.code) from None

    def _post(self, account: Account, form: dict[str, str]) -> Token:
        return self._client.fetch(
            "POST",
            _ISSUE_PATH,
            form={**form, "client_secret": account.client_secret.get_secret_value()},
            decode=_decode_token,
            allow_renew=False,
        ).value


def _wrong_client(account: Account, code: str) -> ClientRefused:
    told = f" ({code})" if code else ""
    return ClientRefused(
        f"VK does not accept the client of the cabinet {account.name!r}{told}; check its client_id and "
        "client_secret (VK_ADS_CLIENT_ID and VK_ADS_CLIENT_SECRET, or its entry in VK_ADS_ACCOUNTS)"
    )
