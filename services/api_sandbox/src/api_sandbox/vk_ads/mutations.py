"""Changes only VK knows: of cabinets, of what statistics refuse, of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random

from api_sandbox.season.advertising import day_stat
from api_sandbox.season.generator import Season
from api_sandbox.season.mutations import Action, Mutation, MutationError, Playing, pick
from api_sandbox.season.records import AdGroup, AdPlan, Banner, DayStat
from api_sandbox.vk_ads.tokens import TokenStore


def actions(tokens: TokenStore, hidden_ids: set[int]) -> Mapping[str, Action]:
    """The changes by kind, of one service's tokens and of the ids its statistics refuse."""
    return {
        "change_vk_currency": _change_currency,  # the last ``count`` cabinets spend ``currency``
        "revise_vk_days": _revise,  # the last ``days`` days of every banner change by up to ±10 %
        "add_vk_banners": _add_banners,  # ``count`` new ones in existing groups, with spend on the last ``days`` days
        # listed ids that statistics refuse: ERR_WRONG_IDS for the whole batch
        "hide_vk_statistics": _statistics(hidden_ids, hide=True),
        "show_vk_statistics": _statistics(hidden_ids, hide=False),
        # ``token`` is the first client's secret from now on; its live tokens stay
        "change_vk_secret": _change_secret(tokens),
        "expire_vk_tokens": _mark(tokens, "expired"),  # live tokens answer expired_token
        "revoke_vk_tokens": _mark(tokens, "revoked"),  # live tokens answer revoked_token
        "delete_vk_tokens": _mark(tokens, "dead"),  # live tokens answer invalid_token and free their places
    }


def _change_currency(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    """The last ``count`` cabinets spend another currency from the beginning."""
    if len(mutation.currency) != 3 or not mutation.currency.isupper():
        raise MutationError(f"change_vk_currency: currency must be a code like USD, found {mutation.currency!r}")
    changed = state.season.accounts_of("vk_ads")[-mutation.count :]
    for account in changed:
        account.currency = mutation.currency
    return [account.user_id for account in changed]


def _revise(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    first = state.season.season_end - timedelta(days=mutation.days - 1)
    touched = []
    for banner in _banners(state.season).values():
        changed = False
        for day, stat in banner.days.items():
            if day >= first and stat.spent:
                spent = max(1, round(stat.spent * random.uniform(0.9, 1.1)))
                banner.days[day] = DayStat(stat.shows + 1, stat.clicks, stat.goals, spent + (spent == stat.spent))
                changed = True
        if changed:
            banner.updated_at = at
            touched.append(banner.id)
    return touched


def _banners(season: Season) -> dict[int, Banner]:
    return {banner.id: banner for account in season.accounts_of("vk_ads") for banner in account.banners.values()}


def _add_banners(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    season = state.season
    highest = max(
        number
        for account in season.accounts_of("vk_ads")
        for rows in (account.plans, account.groups, account.banners)
        for number in rows
    )
    places: list[tuple[dict[int, Banner], AdGroup, AdPlan]] = [
        (account.banners, group, account.plans[group.plan_id])
        for account in season.accounts_of("vk_ads")
        for group in account.groups.values()
    ]
    touched = []
    for number in range(mutation.count):
        banners, group, _ = random.choice(places)
        like = next(banner for banner in banners.values() if banner.group_id == group.id)
        banner = Banner(highest + 1 + number, group.id, f"новый {number + 1}", "active", like.url, at, at)
        for back in range(mutation.days):
            banner.days[season.season_end - timedelta(days=back)] = day_stat(random, random.randint(5_000, 90_000))
        banners[banner.id] = banner
        touched.append(banner.id)
    return touched


def _statistics(hidden_ids: set[int], *, hide: bool) -> Action:
    def act(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
        chosen = pick(mutation, random, _banners(state.season), lambda banner: (banner.id in hidden_ids) is not hide)
        (hidden_ids.update if hide else hidden_ids.difference_update)(chosen)
        return chosen

    return act


def _change_secret(tokens: TokenStore) -> Action:
    def act(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
        if not mutation.token:
            raise MutationError(f"{mutation.kind}: token is missing")
        first = next(iter(tokens.clients))
        tokens.clients[first] = replace(tokens.clients[first], secret=mutation.token)
        return []

    return act


def _mark(tokens: TokenStore, mark: str) -> Action:
    def act(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
        tokens.mark(mark)
        return []

    return act
