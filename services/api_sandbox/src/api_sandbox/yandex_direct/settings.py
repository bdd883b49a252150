"""The Yandex Direct fields of ``API_SANDBOX_*``."""

from __future__ import annotations

import msgspec


class YandexDirectSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Cabinets, the token, the queue of reports and limits. README lists every variable."""

    yandex_direct_token: str = "sandbox-yandex-direct-token"  # noqa: S105  the default of a simulator guards nothing
    yandex_direct_accounts: int = 1
    yandex_direct_ads: int = 48
    yandex_direct_wizards: int = 1
    yandex_direct_smart: int = 0
    yandex_direct_orders_only_share: float = 0.0
    yandex_direct_currencies: str = "RUB"
    yandex_direct_tab_in_names: bool = False
    yandex_direct_today_share: float = 0.5
    yandex_direct_wizards_in_ad_reports: bool = False
    yandex_direct_online_rows: int = 1000
    yandex_direct_row_limit: int = 1_000_000
    yandex_direct_polls: int = 2
    yandex_direct_retry_in: str = "1"
    yandex_direct_places: int = 5
    yandex_direct_keep_seconds: int = 18_000
    yandex_direct_requests: int = 20
    yandex_direct_request_seconds: float = 10.0
    yandex_direct_connections: int = 5
    yandex_direct_answer_seconds: float = 0.0
    yandex_direct_text_codes: bool = True
    yandex_direct_page_size: int = 10_000
    yandex_direct_units: int = 1_000_000
