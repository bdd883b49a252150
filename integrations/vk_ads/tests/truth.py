"""What the warehouse must hold, computed from the sandbox's season and from nothing a loader wrote."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal

from api_sandbox.season.cities import city_key
from api_sandbox.season.generator import Season
from api_sandbox.season.truth import banner_cities, roi

NOTHING = (0, 0, 0, 0)


def staging_truth(season: Season) -> dict:
    """(day, account, banner) → figures; days on which nothing happened have no row."""
    rows = {}
    for account in season.accounts_of("vk_ads"):
        for banner in account.banners.values():
            group = account.groups[banner.group_id]
            for day, stat in banner.days.items():
                if (stat.shows, stat.clicks, stat.goals, stat.spent) != NOTHING:
                    rows[day, account.name, banner.id] = (
                        group.plan_id,
                        group.id,
                        stat.shows,
                        stat.clicks,
                        stat.goals,
                        Decimal(stat.spent) / 100,
                    )
    return rows


def banner_truth(season: Season, *, events_known: bool) -> dict[int, str]:
    """Banner → city by the sandbox's own reckoning.

    Where the warehouse knows the events, an automatically marked banner that sold nothing yet still belongs to
    the event its link opens, which the generator knows as the event of its plan.
    """
    cities = banner_cities(season)
    if not events_known:
        return cities
    for account in season.accounts_of("vk_ads"):
        for banner in account.banners.values():
            group = account.groups[banner.group_id]
            event = account.plans[group.plan_id].event_id
            if cities[banner.id] == "unattributed" and event and group.utm.endswith("{{banner_id}}"):
                cities[banner.id] = city_key(season.events[event].city_raw)
    return cities


def city_truth(season: Season, *, events_known: bool = False) -> dict:
    """(day, city) → impressions, clicks, spend."""
    cities = banner_truth(season, events_known=events_known)
    days: dict = defaultdict(lambda: [0, 0, Decimal(0)])
    for account in season.accounts_of("vk_ads"):
        for banner in account.banners.values():
            for day, stat in banner.days.items():
                if (stat.shows, stat.clicks, stat.goals, stat.spent) != NOTHING:
                    figures = days[day, cities[banner.id]]
                    figures[0] += stat.shows
                    figures[1] += stat.clicks
                    figures[2] += Decimal(stat.spent) / 100
    return {key: tuple(value) for key, value in days.items()}


def roi_truth(season: Season) -> dict:
    """(day, city) → revenue, tickets, impressions, clicks, spend: sales of the sandbox's report, ads of city_truth."""
    days: dict = {}
    for row in roi(season, advertising=()):
        if row.revenue or row.tickets_sold:
            days[row.d, row.city] = (Decimal(row.revenue) / 100, row.tickets_sold, 0, 0, Decimal(0))
    for key, ads in city_truth(season, events_known=True).items():
        days[key] = (*days.get(key, (Decimal(0), 0))[:2], *ads)
    return days


def total_spend(season: Season, first: date = date.min, last: date = date.max) -> Decimal:
    """Roubles net of VAT over all banners and the days of [first, last]."""
    kopecks = sum(
        stat.spent
        for account in season.accounts_of("vk_ads")
        for banner in account.banners.values()
        for day, stat in banner.days.items()
        if first <= day <= last
    )
    return Decimal(kopecks) / 100
