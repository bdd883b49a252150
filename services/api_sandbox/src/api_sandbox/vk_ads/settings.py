"""The VK fields of ``API_SANDBOX_*``."""

from __future__ import annotations

import msgspec


class VkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Cabinets, credentials and limits. README lists every variable."""

    vk_client_id: str = "sandbox-vk-client"
    vk_client_secret: str = "sandbox-vk-secret"  # noqa: S105  the default of a simulator guards nothing
    vk_accounts: int = 1
    vk_banners: int = 96
    vk_orders_only_share: float = 0.0
    vk_currencies: str = "RUB"
    vk_token_seconds: int = 86_400
    vk_rps: int = 20
    vk_hourly: int = 20_000
    vk_daily: int = 200_000
