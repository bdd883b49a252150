"""Whose cabinets a token opens, and which of them ``Client-Login`` means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api_sandbox.yandex_direct.cabinets import DirectAccount
from api_sandbox.yandex_direct.errors import DirectError, malformed


@dataclass(frozen=True, slots=True)
class Holder:
    """What one token opens: an advertiser's cabinet, or all clients of an agency."""

    accounts: tuple[DirectAccount, ...]
    agency: bool = False

    @property
    def user(self) -> str:
        """Whom reports are counted for: the advertiser, or the agency for all of its clients."""
        return "agency" if self.agency else self.accounts[0].name

    def cabinet(self, login: str) -> DirectAccount:
        """The cabinet a request is about; ``login`` is its ``Client-Login``, empty without. Raises DirectError."""
        if not login:
            if self.agency:
                raise malformed("Не указан заголовок Client-Login")
            return self.accounts[0]
        # Logins are told apart as Yandex does: capitals and dots do not count.
        wanted = login.lower().replace(".", "-")
        found = next((account for account in self.accounts if account.name == wanted), None)
        if found is None:
            raise DirectError(8800, f"Логин {login} не найден")
        return found


class Tokens:
    """The tokens in force: ``token`` of the first cabinet, ``token-2`` and so on, ``token-agency`` of an agency."""

    def __init__(self, token: str, accounts: Sequence[DirectAccount]) -> None:
        self.holders = {
            token if number == 1 else f"{token}-{number}": Holder((account,))
            for number, account in enumerate(accounts, 1)
        }
        self.holders[f"{token}-agency"] = Holder(tuple(accounts), agency=True)
        self.revoked = False

    def holder(self, authorization: str) -> Holder:
        """What an ``Authorization`` header opens. Raises DirectError."""
        scheme, _, token = authorization.partition(" ")
        found = self.holders.get(token.strip())
        if scheme.lower() != "bearer" or found is None or self.revoked:
            raise DirectError(53, "Недействительный OAuth-токен")
        return found

    def add(self, token: str) -> None:
        """The advertiser of the first cabinet signs in again: the token of before stays in force."""
        self.holders = {token: next(iter(self.holders.values())), **self.holders}

    def remove(self, token: str) -> None:
        """Revoke a token."""
        self.holders.pop(token, None)
