"""``GET /api/v2/user.json``: whose cabinet a token opens, and in which currency it spends.

No answer of the live service was ever recorded. The field names of ``User`` and ``UserAccount`` (``account.id``,
``type``, ``balance``, ``a_balance``, ``currency_balance_hold``) are the vendor's document (grade A); that
``account`` has a ``currency`` of its own, that its sums are strings, and that ``account`` comes only when ``fields``
asks for it, is what third-party clients were written for (grade C). Verify with live credentials.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from api_sandbox.season.records import Account
from api_sandbox.vk_ads.errors import wrong_parameter


def _account(account: Account) -> dict[str, Any]:
    return {
        "id": account.user_id + 7_000_000,
        "type": "juridical",
        "currency": account.currency,
        "balance": "15000.00",
        "a_balance": "0.00",
        "currency_balance_hold": "0.00",
        "flags": [],
        "is_nonresident": account.currency != "RUB",
    }


FIELDS: dict[str, Callable[[Account], Any]] = {
    "id": lambda account: account.user_id,
    "username": lambda account: account.name,
    "firstname": lambda account: "",
    "lastname": lambda account: "",
    "email": lambda account: account.email,
    "status": lambda account: "active",
    "currency": lambda account: account.currency,
    "types": lambda account: ["client"],
    "account": _account,
}
_DEFAULT_FIELDS = tuple(name for name in FIELDS if name != "account")


def user(account: Account, query: Mapping[str, str]) -> dict[str, Any]:
    """The user of the cabinet, by ``fields`` (all but ``account`` when it is missing). Raises ApiError."""
    fields = [name.strip() for name in query.get("fields", "").split(",") if name.strip()] or list(_DEFAULT_FIELDS)
    if unknown := [name for name in fields if name not in FIELDS]:
        raise wrong_parameter(f"fields: unknown {', '.join(unknown)}")
    return {name: FIELDS[name](account) for name in fields}
