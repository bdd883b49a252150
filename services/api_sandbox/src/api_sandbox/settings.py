"""Settings of the service, from ``API_SANDBOX_*`` variables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

from api_sandbox.moscow_time import today

PREFIX = "API_SANDBOX_"
_KINDS: dict[str, tuple[type, str]] = {
    "int": (int, "a whole number"),
    "float": (float, "a number"),
    "bool": (bool, "true or false"),
    "date": (date, "a date like 2026-11-30"),
    "str": (str, "text"),
}


class SettingsError(Exception):
    """A variable holds something that cannot be used; the text names it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one instance simulates and with which credentials. README lists every variable."""

    seed: int = 1
    orders: int = 2000
    season_end: date = msgspec.field(default_factory=lambda: today() - timedelta(days=1))
    season_days: int = 120
    qtickets_token: str = "sandbox-qtickets-token"  # noqa: S105  the default of a simulator guards nothing
    vk_client_id: str = "sandbox-vk-client"
    vk_client_secret: str = "sandbox-vk-secret"  # noqa: S105
    vk_accounts: int = 1
    vk_banners: int = 96
    vk_orders_only_share: float = 0.0
    vk_currencies: str = "RUB"
    vk_token_seconds: int = 86_400
    vk_rps: int = 20
    vk_hourly: int = 20_000
    vk_daily: int = 200_000
    scheme_bytes: int = 4_000
    multilingual: bool = False
    host: str = "0.0.0.0"  # noqa: S104  the container's only way to be reached
    port: int = 8080


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings; empty values mean the default. Raises SettingsError."""
    known = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}
    given = {key: value for key, value in environment.items() if key.startswith(PREFIX) and value}
    if unknown := sorted(set(given) - set(known)):
        raise SettingsError(f"{unknown[0]}: no such setting; known are {', '.join(known)}")
    values: dict[str, Any] = {}
    for key, value in given.items():
        kind, meaning = _KINDS[Settings.__annotations__[known[key]]]
        try:
            values[known[key]] = msgspec.convert(value.strip(), kind, strict=False)
        except msgspec.ValidationError as error:
            raise SettingsError(f"{key}: expected {meaning}, found {value!r}") from error
    return Settings(**values)
