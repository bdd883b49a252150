"""What the routes of one running service share."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import msgspec

from api_sandbox.faults import FaultPlan
from api_sandbox.generator import Season
from api_sandbox.settings import Settings
from api_sandbox.vk_limits import RateLimits
from api_sandbox.vk_tokens import Client, TokenStore

LOGGED_REQUESTS = 50_000


@dataclass(slots=True)
class ServiceState:
    """The season, the credentials, and everything that was observed.

    ``hidden_ids`` are VK ids that the listings hold and the statistics refuse; ``violations`` are calls that
    would have changed something at the live service; ``encoded_orders`` is the JSON of orders already answered,
    so that reading a season again costs no rendering (about 300 MB for 100,000 orders).
    """

    season: Season
    qtickets_tokens: set[str]
    vk_tokens: TokenStore
    vk_limits: RateLimits
    scheme_bytes: int
    qtickets_tokens_valid: bool = True
    faults: FaultPlan = field(default_factory=FaultPlan)
    hidden_ids: set[int] = field(default_factory=set)
    encoded_orders: dict[int, msgspec.Raw] = field(default_factory=dict)
    violations: list[dict[str, str]] = field(default_factory=list)
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LOGGED_REQUESTS))


def build_season(settings: Settings) -> Season:
    """Generate the season the settings ask for. Raises ValueError."""
    return Season(
        seed=settings.seed,
        orders=settings.orders,
        season_end=settings.season_end,
        season_days=settings.season_days,
        vk_accounts=settings.vk_accounts,
        vk_banners=settings.vk_banners,
        vk_orders_only_share=settings.vk_orders_only_share,
        multilingual=settings.multilingual,
        vk_currencies=tuple(code.strip() for code in settings.vk_currencies.split(",")),
    )


def build_state(settings: Settings, season: Season | None = None) -> ServiceState:
    """State for the settings; ``season`` replaces the generated one.

    Credentials: the configured client opens the first cabinet, ``<id>-2``/``<secret>-2`` the second and so
    on; ``<id>-agency``/``<secret>-agency`` is an agency whose clients are all cabinets, by name.
    """
    season = season or build_season(settings)
    name, secret = settings.vk_client_id, settings.vk_client_secret
    clients = [
        Client(name + suffix, secret + suffix, (account,))
        for number, account in enumerate(season.accounts, 1)
        for suffix in ["" if number == 1 else f"-{number}"]
    ]
    clients.append(Client(f"{name}-agency", f"{secret}-agency", tuple(season.accounts), agency=True))
    return ServiceState(
        season=season,
        qtickets_tokens={settings.qtickets_token},
        vk_tokens=TokenStore(clients, time.time, settings.vk_token_seconds),
        vk_limits=RateLimits(time.time, settings.vk_rps, settings.vk_hourly, settings.vk_daily),
        scheme_bytes=settings.scheme_bytes,
    )
