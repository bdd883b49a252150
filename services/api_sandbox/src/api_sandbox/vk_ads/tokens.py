"""OAuth of the VK Реклама API: pairs of tokens, the cap of five, refresh, deletion."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from api_sandbox.season.records import Account

TOKENS_PER_USER = 5


class TokenRefused(Exception):
    """A refusal with its HTTP status and body."""

    def __init__(self, status: int, body: dict[str, str]) -> None:
        super().__init__(body)
        self.status = status
        self.body = body


def unauthorised(code: str, message: str) -> TokenRefused:
    """401 with the documented ``{"code", "message"}``."""
    return TokenRefused(401, {"code": code, "message": message})


@dataclass(frozen=True, slots=True)
class Client:
    """API credentials: of one cabinet, or of an agency that acts for several (then ``agency`` is true)."""

    id: str
    secret: str
    accounts: tuple[Account, ...]
    agency: bool = False


@dataclass(slots=True)
class Token:
    """One issued pair. ``state`` is live, expired, revoked or dead (killed by a refresh or a deletion)."""

    client_id: str
    account: Account
    access: str
    refresh: str
    expires_at: float
    state: str = "live"


class TokenStore:
    """Issues and checks tokens. ``clock`` answers epoch seconds; ``lifetime`` is seconds."""

    def __init__(self, clients: list[Client], clock: Callable[[], float], lifetime: int) -> None:
        self.clients = {client.id: client for client in clients}
        self.clock = clock
        self.lifetime = lifetime
        self.tokens: list[Token] = []
        self.issued = 0

    def grant(self, form: dict[str, str]) -> dict[str, object]:
        """Answer ``POST /oauth2/token.json``. Raises TokenRefused."""
        client = self._client(form)
        kind = form.get("grant_type", "")
        if kind == "refresh_token":
            return self._refresh(client, form.get("refresh_token", ""))
        if kind == "client_credentials":
            account = client.accounts[0]
        elif kind == "agency_client_credentials":
            account = self._agency_client(client, form)
        else:
            raise TokenRefused(400, {"error": "unsupported_grant_type", "error_description": f"Unknown: {kind}"})
        held = [t for t in self.tokens if t.client_id == client.id and t.account is account and t.state != "dead"]
        if len(held) >= TOKENS_PER_USER:
            raise TokenRefused(
                403,
                {
                    "error": "token_limit_exceeded",
                    "error_description": "Active access token limit reached",
                },
            )
        return self._issue(client.id, account)

    def delete(self, form: dict[str, str]) -> None:
        """Delete every token of the client (of one user when ``user_id`` or ``username`` is given)."""
        client = self._client(form)
        user = form.get("user_id") or form.get("username") or form.get("agency_client_name")
        for token in self.tokens:
            if token.client_id == client.id and user in (
                None,
                token.account.name,
                str(token.account.user_id),
            ):
                token.state = "dead"

    def account(self, authorization: str) -> Account:
        """The cabinet an ``Authorization`` header opens. Raises TokenRefused."""
        scheme, _, access = authorization.partition(" ")
        found = next((t for t in reversed(self.tokens) if t.access == access), None) if access else None
        if scheme.lower() != "bearer" or found is None or found.state == "dead":
            raise unauthorised("invalid_token", "Unknown access token")
        if found.state == "revoked":
            raise unauthorised("revoked_token", "Access token was revoked")
        if found.state == "expired" or found.expires_at <= self.clock():
            raise unauthorised("expired_token", "Access token is expired")
        return found.account

    def mark(self, state: str) -> int:
        """Put every live token into ``state``; answers how many there were."""
        live = [token for token in self.tokens if token.state == "live"]
        for token in live:
            token.state = state
        return len(live)

    def _client(self, form: dict[str, str]) -> Client:
        client = self.clients.get(form.get("client_id", ""))
        if client is None or not secrets.compare_digest(client.secret.encode(), form.get("client_secret", "").encode()):
            raise unauthorised("invalid_client", "Invalid client credentials")
        return client

    def _agency_client(self, client: Client, form: dict[str, str]) -> Account:
        wanted = form.get("agency_client_name") or form.get("agency_client_id") or ""
        account = next((a for a in client.accounts if wanted in (a.name, str(a.user_id))), None)
        if not client.agency or account is None:
            raise unauthorised("invalid_user", f"No such agency client: {wanted}")
        return account

    def _refresh(self, client: Client, refresh: str) -> dict[str, object]:
        old = next((t for t in self.tokens if t.refresh == refresh and t.client_id == client.id), None)
        if old is None or old.state in ("dead", "revoked"):
            raise unauthorised("invalid_token", "Unknown refresh token")
        old.state = "dead"
        return self._issue(client.id, old.account)

    def _issue(self, client_id: str, account: Account) -> dict[str, object]:
        self.issued += 1
        token = Token(client_id, account, secrets.token_hex(24), secrets.token_hex(24), self.clock() + self.lifetime)
        self.tokens.append(token)
        return {
            "access_token": token.access,
            "token_type": "bearer",
            "scope": "read_ads read_statistics",
            # The live service answers a string here, older answers hold a number.
            "expires_in": str(self.lifetime) if self.issued % 2 else self.lifetime,
            "refresh_token": token.refresh,
        }
