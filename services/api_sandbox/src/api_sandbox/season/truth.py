"""What the warehouse must show, computed from the season's own objects and from nothing a loader wrote.

Rules:

* The day of a sale is the Moscow day of the payment (of the creation where that is missing).
* A ticket of a paid order earns ``price - refunded_amount``. A ticket deleted without a refund earns
  nothing. A ticket that was refunded **and** deleted still earns what was kept back: the deduction is income
  (where the amount is missing, the deduction itself).
* A ticket is sold when its order is paid and it is neither deleted nor refunded.
* Spend belongs to the city of the event whose paid orders carry the banner's id in ``utm_content`` (and its
  ``utm_source``, where its clicks arrive with one: two vendors may give one number); else to the city in a
  hand-written ``utm_content=<city>_<dd>_<mm>`` (looked for where ``Account.marks`` of its vendor says); else to
  ``unattributed``.
* Only roubles are added to roubles: what a cabinet in another currency spent, showed and was clicked stands in
  ``/truth/foreign_spend.json``, by currency.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from api_sandbox.season.advertising import parse_utm
from api_sandbox.season.cities import resolve_utm_city
from api_sandbox.season.moscow_time import day_of
from api_sandbox.season.records import DayStat, Event, Ticket

if TYPE_CHECKING:
    from api_sandbox.season.generator import Season
    from api_sandbox.service.faults import Damage

UNATTRIBUTED = "unattributed"
ROUBLES = "RUB"
_CITY_DATE = re.compile(r"(.+)_(\d{1,2})_(\d{1,2})")


@dataclass(slots=True)
class RoiRow:
    """Totals of one Moscow day and city; money is kopecks."""

    d: date
    city: str
    tickets_sold: int = 0
    revenue: int = 0
    impressions: int = 0
    clicks: int = 0
    spend: int = 0

    def as_json(self) -> dict[str, object]:
        """Plain values; money as decimal strings of roubles."""
        return {
            "d": self.d.isoformat(),
            "city": self.city,
            "tickets_sold": self.tickets_sold,
            "revenue": roubles(self.revenue),
            "impressions": self.impressions,
            "clicks": self.clicks,
            "spend": roubles(self.spend),
        }


def roubles(kopecks: int) -> str:
    """``123456`` → ``"1234.56"``."""
    sign, kopecks = ("-", -kopecks) if kopecks < 0 else ("", kopecks)
    return f"{sign}{kopecks // 100}.{kopecks % 100:02d}"


def ticket_revenue(ticket: Ticket) -> int:
    """Kopecks a ticket of a paid order earned."""
    if ticket.refunded_at is not None:
        if ticket.refunded_amount is None and ticket.deleted_at is not None:
            return ticket.refund_deduction or 0
        return ticket.price - (ticket.refunded_amount or 0)
    return 0 if ticket.deleted_at is not None else ticket.price


def event_city(event: Event) -> str:
    """City key of an event, ``unattributed`` where the API names no city."""
    return UNATTRIBUTED if event.without_city else event.city.key


def banner_cities(
    season: Season, keys: Mapping[int, str] | None = None, rejected: Container[int] = ()
) -> dict[int, str]:
    """City key of every banner, ``unattributed`` where nothing tells.

    ``keys`` are the cities of events where they are not their own, ``rejected`` orders that tell nothing.
    """
    by_orders: dict[tuple[int, str], dict[str, int]] = {}
    for order in season.orders.values():
        utm = order.utm or {}
        content, source = utm.get("utm_content", ""), utm.get("utm_source", "").lower()
        event = season.events[order.event_id]
        key = event_city(event) if keys is None else keys[event.id]
        if order.payed and content.isdecimal() and order.id not in rejected and key != UNATTRIBUTED:
            # '' is any source: what counts for a banner that names none
            for place in {(int(content), source), (int(content), "")}:
                found = by_orders.setdefault(place, {})
                found[key] = found.get(key, 0) + 1
    cities: dict[int, str] = {}
    for account in season.accounts:
        for banner in account.banners.values():
            source = parse_utm(account.arrival(banner)).get("utm_source", [""])[-1].lower()
            orders = by_orders.get((banner.id, source))
            # Several cities under one banner do not occur; were they to, the most orders win, then the name.
            cities[banner.id] = (
                min(orders, key=lambda key: (-orders[key], key))
                if orders
                else _written_city(account.marks(banner)) or UNATTRIBUTED
            )
    return cities


def _written_city(queries: Iterable[str]) -> str | None:
    for text in queries:
        for content in parse_utm(text).get("utm_content", ()):
            match = _CITY_DATE.fullmatch(content.strip())
            if match and (city := resolve_utm_city(match[1])):
                return city
    return None


def roi(season: Season, damages: Iterable[Damage] = (), advertising: Container[str] | None = None) -> list[RoiRow]:
    """Rows by day and city, ordered; a row whose figures are all zero is left out.

    ``advertising`` names the sources whose advertising counts; None is all of them.

    ``damages`` are fields the API answers unreadably: an order with one that a figure needs is missing from the
    figures, and an event whose city cannot be read is in none.

    A cabinet in another currency than roubles is left out whole: clicks without their spend would make CPC wrong.
    """
    rows: dict[tuple[date, str], RoiRow] = {}

    def row(day: date, city: str) -> RoiRow:
        found = rows.get((day, city))
        if found is None:
            found = rows[day, city] = RoiRow(day, city)
        return found

    damages = list(damages)
    rejected = {one.id for one in damages if one.dataset == "orders" and one.rank == "identity"}
    cityless = {one.id for one in damages if one.dataset == "events" and one.path in ("$.city", "$.city.name")}
    keys = {event.id: UNATTRIBUTED if event.id in cityless else event_city(event) for event in season.events.values()}
    for order in season.orders.values():
        if not order.payed or order.id in rejected:
            continue
        target = row(day_of(order.payed_at or order.created_at), keys[order.event_id])
        for ticket in order.tickets:
            target.revenue += ticket_revenue(ticket)
            target.tickets_sold += ticket.deleted_at is None and ticket.refunded_at is None
    for currency, day, city, stat in _ad_days(season, advertising, keys, rejected):
        if currency == ROUBLES:
            _add(row(day, city), stat)
    return sorted((r for r in rows.values() if _counts(r)), key=lambda r: (r.d, r.city))


def foreign_spend(season: Season, advertising: Container[str] | None = None) -> list[tuple[str, RoiRow]]:
    """(currency, row) by day and city of every cabinet that does not spend roubles, in hundredths of its currency.

    ``advertising`` as of :func:`roi`.
    """
    rows: dict[tuple[str, date, str], RoiRow] = {}
    for currency, day, city, stat in _ad_days(season, advertising):
        if currency != ROUBLES:
            _add(rows.setdefault((currency, day, city), RoiRow(day, city)), stat)
    return [(key[0], rows[key]) for key in sorted(rows) if _counts(rows[key])]


def _ad_days(
    season: Season,
    advertising: Container[str] | None,
    keys: Mapping[int, str] | None = None,
    rejected: Container[int] = (),
) -> Iterator[tuple[str, date, str, DayStat]]:
    cities = banner_cities(season, keys, rejected)
    for account in season.accounts:
        if advertising is not None and account.vendor not in advertising:
            continue
        for banner in account.banners.values():
            for day, stat in banner.days.items():
                yield account.currency, day, cities[banner.id], stat


def _add(target: RoiRow, stat: DayStat) -> None:
    target.impressions += stat.shows
    target.clicks += stat.clicks
    target.spend += stat.spent


def _counts(row: RoiRow) -> bool:
    return any((row.tickets_sold, row.revenue, row.impressions, row.clicks, row.spend))


def roi_json(
    season: Season, damages: Iterable[Damage] = (), advertising: Container[str] | None = None
) -> list[dict[str, object]]:
    """The body of ``GET /truth/roi.json``."""
    return [row.as_json() for row in roi(season, damages, advertising)]


def foreign_spend_json(season: Season, advertising: Container[str] | None = None) -> list[dict[str, object]]:
    """The body of ``GET /truth/foreign_spend.json``."""
    return [
        {"currency": currency}
        | {key: value for key, value in row.as_json().items() if key not in ("tickets_sold", "revenue")}
        for currency, row in foreign_spend(season, advertising)
    ]


def total(rows: Iterable[RoiRow], field: str) -> int:
    """Sum of one figure over rows."""
    return sum(getattr(row, field) for row in rows)
