"""What reports count: each day of each ad, apart by network, with fractions of a kopeck that no row shows.

A row by day, ad and network shows whole kopecks which add up to the season's own figure. Beneath lies a fraction, as
at the live service: rows over more than that are rounded from the sum of the exact ones, so that a campaign's total may
differ from its ads' rows by kopecks.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple
from zlib import crc32

from api_sandbox.season.records import AdGroup, DayStat
from api_sandbox.yandex_direct.cabinets import Ad, Campaign, DirectAccount

SEARCH, AD_NETWORK = "SEARCH", "AD_NETWORK"
SCALE = 1000
"""Parts of a kopeck in which the cost of a fact is told."""


class Fact(NamedTuple):
    """One day of one ad in one network; ``cost`` is net of VAT, in thousandths of a kopeck.

    ``name`` is what the campaign was called then.
    """

    day: date
    campaign: Campaign
    group: AdGroup
    ad: Ad
    network: str
    name: str
    shows: int
    clicks: int
    goals: int
    cost: int


def facts(account: DirectAccount, first: date, last: date) -> Iterator[Fact]:
    """Everything of the days [first, last] that is not nothing, by day, campaign, group, ad and network."""
    found = []
    for ad in account.ads.values():
        group, campaign = account.groups[ad.group_id], account.campaign_of(ad)
        for day in _days(ad, first, last):
            for network, part in _networks(ad, day, ad.days[day]):
                if part.shows or part.clicks or part.spent:
                    name, cost = _name(campaign, day, network), _exact(ad, day, network, part.spent)
                    figures = part.shows, part.clicks, part.goals, cost
                    found.append(Fact(day, campaign, group, ad, network, name, *figures))
    found.sort(key=lambda fact: (fact.day, fact.campaign.id, fact.group.id, fact.ad.id, fact.network))
    yield from found


def _days(ad: Ad, first: date, last: date) -> Iterator[date]:
    """Its days within; of a short period each is looked up, as loaders of long seasons ask for many of them."""
    asked = (last - first).days + 1
    if asked < len(ad.days):
        yield from (day for day in (first + timedelta(days=n) for n in range(asked)) if day in ad.days)
    else:
        yield from (day for day in ad.days if first <= day <= last)


def draw(ad: Ad, day: date, what: str, sides: int) -> int:
    """A number below ``sides`` that is the same whenever it is asked for."""
    return crc32(f"{ad.id}:{day}:{what}".encode()) % sides


def _networks(ad: Ad, day: date, stat: DayStat) -> Iterator[tuple[str, DayStat]]:
    """One ad in six is shown in search alone; the rest in both networks."""
    shows = stat.shows if ad.id % 6 == 0 else stat.shows * (20 + draw(ad, day, "network", 61)) // 100
    search = DayStat(shows, *(number * shows // (stat.shows or 1) for number in (stat.clicks, stat.goals, stat.spent)))
    yield SEARCH, search
    yield (
        AD_NETWORK,
        DayStat(stat.shows - shows, stat.clicks - search.clicks, stat.goals - search.goals, stat.spent - search.spent),
    )


def _exact(ad: Ad, day: date, network: str, spent: int) -> int:
    return spent * SCALE + (draw(ad, day, network, SCALE - 1) - SCALE // 2 + 1 if spent else 0)


def _name(campaign: Campaign, day: date, network: str) -> str:
    """On the day of a rename the network that is counted later already has the new name."""
    if campaign.renamed_on is None or day > campaign.renamed_on:
        return campaign.name
    return campaign.name if day == campaign.renamed_on and network == AD_NETWORK else campaign.former_name
