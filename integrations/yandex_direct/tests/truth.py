"""What the warehouse must hold, computed from the sandbox's season and from nothing a loader wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, cast

from api_sandbox.season.cities import city_key
from api_sandbox.season.generator import Season
from api_sandbox.season.truth import banner_cities, roi
from api_sandbox.yandex_direct.cabinets import DirectAccount

NOTHING = (0, 0, 0, 0)


def accounts(season: Season) -> list[DirectAccount]:
    """The accounts of Direct."""
    return cast("list[DirectAccount]", season.accounts_of("yandex_direct"))


def days(season: Season) -> Iterator[tuple[DirectAccount, Any, Any, date, Any]]:
    """(account, campaign, ad, day, figures) of every day on which something happened."""
    for account in accounts(season):
        for ad in account.ads.values():
            for day, stat in ad.days.items():
                if (stat.shows, stat.clicks, stat.goals, stat.spent) != NOTHING:
                    yield account, account.campaign_of(ad), ad, day, stat


def staging_truth(season: Season, names: Mapping[str, str]) -> dict:
    """(day, account, campaign, group, ad) → figures of both networks; what the Wizard spends has no group and no ad.

    A smart campaign's has a group and no ad.
    Conversions of a campaign without a counter are not known.
    """
    rows = {}
    for account, campaign, ad, day, stat in days(season):
        place = (0 if campaign.wizard else ad.group_id, 0 if campaign.without_ads else ad.id)
        rows[day, names.get(account.name, account.name), campaign.id, *place] = (
            stat.shows,
            stat.clicks,
            stat.goals if campaign.counter else None,
            Decimal(stat.spent) / 100,
        )
    return rows


def vat_rate(currency: str, day: date) -> Decimal:
    """The law's for roubles; what Direct says today for tenge."""
    if currency == "RUB":
        return Decimal("0.22") if day >= date(2026, 1, 1) else Decimal("0.20")
    return {"KZT": Decimal("0.16")}[currency]


def mart_truth(season: Season) -> dict:
    """(day, account, ad or campaign) → figures with VAT and currency; conversions that are not known are 0 there."""
    rows: dict = {}
    for account, campaign, ad, day, stat in days(season):
        key = (day, account.name, f"campaign {campaign.id}" if campaign.without_ads else str(ad.id))
        assert key not in rows, "a campaign without ads has one in the season"
        rows[key] = (
            stat.shows,
            stat.clicks,
            stat.goals if campaign.counter else 0,
            Decimal(stat.spent) / 100,
            vat_rate(account.currency, day),
            account.currency,
        )
    return rows


def campaign_truth(season: Season, names: Mapping[str, str]) -> dict:
    """(day, account, campaign) → impressions, clicks, spend to a kopeck a row, rows behind it."""
    rows: dict = defaultdict(lambda: [0, 0, Decimal(0), 0])
    for account, campaign, _, day, stat in days(season):
        figures = rows[day, names.get(account.name, account.name), campaign.id]
        figures[0] += stat.shows
        figures[1] += stat.clicks
        figures[2] += Decimal(stat.spent) / 100
        figures[3] += 2  # two networks
    return {key: tuple(value) for key, value in rows.items()}


def ad_cities(season: Season, *, events_known: bool) -> dict[int, str]:
    """Ad → city by the sandbox's own reckoning.

    Where the warehouse knows the events and their orders, an ad known by its id that sold nothing yet still belongs to
    the event its link opens, which the generator knows as the event of its campaign. Where it knows neither, one
    without a link belongs to none.
    """
    cities = banner_cities(season)
    for account in accounts(season):
        for ad in account.ads.values():
            event = account.campaign_of(ad).event_id
            if not event or f"utm_content={ad.id}" not in account.arrival(ad):
                continue
            if events_known and ad.url and cities[ad.id] == "unattributed":
                cities[ad.id] = city_key(season.events[event].city_raw)
            if not events_known and not ad.url:
                cities[ad.id] = "unattributed"
    return cities


def city_truth(season: Season, *, events_known: bool = False) -> dict:
    """(day, city, currency) → impressions, clicks, spend."""
    cities = ad_cities(season, events_known=events_known)
    found: dict = defaultdict(lambda: [0, 0, Decimal(0)])
    for account, _, ad, day, stat in days(season):
        figures = found[day, cities[ad.id], account.currency]
        figures[0] += stat.shows
        figures[1] += stat.clicks
        figures[2] += Decimal(stat.spent) / 100
    return {key: tuple(value) for key, value in found.items()}


def roi_truth(season: Season) -> dict:
    """(day, city) → revenue, tickets, impressions, clicks, spend: sales of the sandbox's report, ads of city_truth."""
    found: dict = {}
    for row in roi(season, advertising=()):
        if row.revenue or row.tickets_sold:
            found[row.d, row.city] = (Decimal(row.revenue) / 100, row.tickets_sold, 0, 0, Decimal(0))
    for (day, city, currency), ads in city_truth(season, events_known=True).items():
        if currency == "RUB":
            found[day, city] = (*found.get((day, city), (Decimal(0), 0))[:2], *ads)
    return found


def total_spend(season: Season, currency: str = "RUB") -> Decimal:
    """Spend net of VAT of all accounts in this currency."""
    return sum(
        (Decimal(stat.spent) / 100 for account, _, _, _, stat in days(season) if account.currency == currency),
        Decimal(0),
    )
