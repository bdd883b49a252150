"""What the warehouse must hold, computed from the sandbox's season and from nothing a loader wrote."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal

from api_sandbox.generator import Season
from api_sandbox.truth import banner_cities, roi

NOTHING = (0, 0, 0, 0)


def staging_truth(season: Season) -> dict:
    """(day, account, banner) → figures; days on which nothing happened have no row."""
    rows = {}
    for account in season.accounts:
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


def city_truth(season: Season) -> dict:
    """(day, city) → impressions, clicks, spend."""
    cities = banner_cities(season)
    days: dict = defaultdict(lambda: [0, 0, Decimal(0)])
    for account in season.accounts:
        for banner in account.banners.values():
            for day, stat in banner.days.items():
                if (stat.shows, stat.clicks, stat.goals, stat.spent) != NOTHING:
                    figures = days[day, cities[banner.id]]
                    figures[0] += stat.shows
                    figures[1] += stat.clicks
                    figures[2] += Decimal(stat.spent) / 100
    return {key: tuple(value) for key, value in days.items()}


def roi_truth(season: Season) -> dict:
    """(day, city) → revenue, tickets, impressions, clicks, spend of the sandbox's own report."""
    return {
        (row.d, row.city): (
            Decimal(row.revenue) / 100,
            row.tickets_sold,
            row.impressions,
            row.clicks,
            Decimal(row.spend) / 100,
        )
        for row in roi(season)
    }


def total_spend(season: Season, first: date = date.min, last: date = date.max) -> Decimal:
    """Roubles net of VAT over all banners and the days of [first, last]."""
    kopecks = sum(
        stat.spent
        for account in season.accounts
        for banner in account.banners.values()
        for day, stat in banner.days.items()
        if first <= day <= last
    )
    return Decimal(kopecks) / 100
