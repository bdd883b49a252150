"""Changes only Direct knows: of statistics, of campaigns and ads, of the token and of units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any, cast

from api_sandbox.season.advertising import day_stat
from api_sandbox.season.generator import Season
from api_sandbox.season.mutations import Action, Mutation, MutationError, Playing, pick
from api_sandbox.season.records import DayStat
from api_sandbox.yandex_direct.access import Tokens
from api_sandbox.yandex_direct.cabinets import Ad, DirectAccount
from api_sandbox.yandex_direct.limits import Units
from api_sandbox.yandex_direct.report_queue import ReportQueue


def actions(tokens: Tokens, units: Units, queue: ReportQueue) -> Mapping[str, Action]:
    """The changes by kind, of one service's token, units and stored reports."""
    return {
        "revise_yandex_direct_days": _revise,  # the last ``days`` days of every ad change by up to ±10 %
        # ``count`` ads lose money and clicks ``days`` days before the season's end
        "correct_yandex_direct_day": _correct,
        # ``count`` ads have nothing any more on their last day with spend of the last ``days``
        "vanish_yandex_direct_rows": _vanish,
        "grow_yandex_direct_conversions": _grow,  # each ad with clicks in the last ``days`` days converts some more
        "add_yandex_direct_ads": _add,  # ``count`` new ones in existing groups, with spend on the last ``days`` days
        "rename_yandex_direct_campaigns": _rename,  # ``count`` campaigns have another name, from today on
        "change_yandex_direct_currency": _change_currency,  # the last ``count`` cabinets spend ``currency``
        "revoke_yandex_direct_tokens": _set(tokens, "revoked", True),  # 53
        "restore_yandex_direct_tokens": _set(tokens, "revoked", False),
        "add_yandex_direct_token": _token(tokens.add),  # ``token`` opens the first cabinet, too
        "remove_yandex_direct_token": _token(tokens.remove),  # ``token`` opens nothing any more
        "use_up_yandex_direct_units": _set(units, "used_up", True),  # 152
        "restore_yandex_direct_units": _set(units, "used_up", False),
        "forget_yandex_direct_reports": _forget(queue),  # as after five hours
    }


def _accounts(season: Season) -> list[DirectAccount]:
    return cast("list[DirectAccount]", season.accounts_of("yandex_direct"))


def _ads(season: Season) -> dict[int, tuple[DirectAccount, Ad]]:
    """Ads that the API lists, with their cabinets."""
    return {
        ad.id: (account, ad)
        for account in _accounts(season)
        for ad in account.ads.values()
        if not account.campaign_of(ad).without_ads
    }


def _corrected(account: DirectAccount, ad: Ad, day: date, at: int) -> None:
    account.corrections.append((at, account.campaign_of(ad).id, day))


def _revise(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    first = state.season.season_end - timedelta(days=mutation.days - 1)
    touched = []
    for account in _accounts(state.season):
        for ad in account.ads.values():
            days = [day for day, stat in ad.days.items() if day >= first and stat.spent]
            for day in days:
                stat = ad.days[day]
                spent = max(1, round(stat.spent * random.uniform(0.9, 1.1)))
                ad.days[day] = replace(stat, shows=stat.shows + 1, spent=spent + (spent == stat.spent))
                _corrected(account, ad, day, at)
            touched += [ad.id] if days else []
    return touched


def _correct(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    day = state.season.season_end - timedelta(days=mutation.days)
    places = _ads(state.season)
    chosen = pick(mutation, random, places, lambda place: day in place[1].days and place[1].days[day].spent > 1)
    for number in chosen:
        account, ad = places[number]
        stat = ad.days.get(day, DayStat(0, 0, 0, 0))
        ad.days[day] = replace(stat, clicks=stat.clicks * 2 // 3, spent=stat.spent * 2 // 3)
        _corrected(account, ad, day, at)
    return chosen


def _vanish(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    first = state.season.season_end - timedelta(days=mutation.days - 1)
    places = _ads(state.season)

    def last(ad: Ad) -> date | None:
        return max((day for day, stat in ad.days.items() if day >= first and stat.spent), default=None)

    chosen = pick(mutation, random, places, lambda place: last(place[1]) is not None)
    for number in chosen:
        account, ad = places[number]
        if (day := last(ad)) is None:
            raise MutationError(f"{mutation.kind}: {number} has no day with spend in the last {mutation.days}")
        del ad.days[day]
        _corrected(account, ad, day, at)
    return chosen


def _grow(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    """What Metrica learns later is no correction of statistics: no BorderDate tells of it."""
    first = state.season.season_end - timedelta(days=mutation.days - 1)
    touched = []
    for number, (_, ad) in _ads(state.season).items():
        days = [day for day, stat in ad.days.items() if day >= first and stat.clicks]
        for day in days:
            ad.days[day] = replace(ad.days[day], goals=ad.days[day].goals + 2)
        touched += [number] if days else []
    return touched


def _add(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    season = state.season
    places = _ads(season)
    if not places:
        raise MutationError(f"{mutation.kind}: no group to add to")
    highest = max(places)
    touched = []
    for number in range(1, mutation.count + 1):
        account, like = random.choice(list(places.values()))
        title = f"новое {number}" if like.name else ""
        ad = Ad(highest + number, like.group_id, title, "ON", like.url, at, at, type=like.type)
        for back in range(mutation.days):
            ad.days[season.season_end - timedelta(days=back)] = day_stat(random, random.randint(5_000, 90_000))
        account.banners[ad.id] = ad
        touched.append(ad.id)
    return touched


def _rename(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    campaigns = {
        one.id: one for account in _accounts(state.season) for one in account.campaigns.values() if not one.wizard
    }
    chosen = pick(mutation, random, campaigns, lambda one: one.status == "ON" and not one.former_name)
    for number in chosen:
        one = campaigns[number]
        one.former_name, one.name = one.name, f"{one.name} (новое название)"
        one.renamed_on, one.updated_at = state.season.season_end, at
    return chosen


def _change_currency(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    """The last ``count`` cabinets spend another currency from the beginning."""
    if len(mutation.currency) != 3 or not mutation.currency.isupper():
        raise MutationError(f"{mutation.kind}: currency must be a code like USD, found {mutation.currency!r}")
    changed = _accounts(state.season)[-mutation.count :]
    for account in changed:
        account.currency = mutation.currency
    return [account.user_id for account in changed]


def _set(holder: Any, name: str, value: bool) -> Action:
    return _done(lambda mutation: setattr(holder, name, value))


def _token(change: Callable[[str], None]) -> Action:
    def act(mutation: Mutation) -> None:
        if not mutation.token:
            raise MutationError(f"{mutation.kind}: token is missing")
        change(mutation.token)

    return _done(act)


def _forget(queue: ReportQueue) -> Action:
    return _done(lambda mutation: queue.forget())


def _done(change: Callable[[Mutation], None]) -> Action:
    def act(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
        change(mutation)
        return []

    return act
