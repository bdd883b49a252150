"""Which city and event day an ad's spend belongs to, whatever the source. Pure functions, no input or output.

What a visitor's ``utm_content`` says decides how the ad is known, most direct first:

1. It is the ad's own id, which the source puts there. Then the city is that of the event whose orders carry
   this id; else of the event the link opens (``…/event/<id>``); else the one written by hand in the link
   before ids were put there, or in the name of the ad, the group or the campaign. Two sources may give one number:
   an ad with a ``utm_source`` of its own is told by orders with the same alone.
2. It is hand-written ``<city>_<dd>_<mm>``: that city, through the alias table.
3. Otherwise unattributed: the spend stays in the totals, under no city.

A city is believed only when the warehouse knows it (an event is or was there, or the alias table names
it), so a typing error makes spend unattributed, which somebody sees, and not a new city.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import urlsplit

from zakaz_common.city import CityDirectory, normalise_city, plain_text
from zakaz_common.text import clean_text
from zakaz_common.utm import Utm, url_without_query, utm_from_url

_CITY_DATE = re.compile(r"^\s*(?P<city>\D.*?)[_\s-]+(?P<day>\d{1,2})[_.-](?P<month>\d{1,2})(?:[_.-]\d{2,4})?\s*$")
_EVENT_IN_PATH = re.compile(r"/(?:events?/)?(?P<id>[1-9]\d{0,18})(?=$|[-/_])")
_LONGEST_STORED_URL = 2000


@dataclass(frozen=True, slots=True)
class CityDate:
    """A hand-written mark, before its city is resolved: raw city text, day and month."""

    city_raw: str
    day: int
    month: int


@dataclass(frozen=True, slots=True)
class Event:
    """What attribution needs to know of an event: its city (normalised) and its show days (Moscow)."""

    city: str
    days: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class CityBook:
    """What the warehouse knows of cities.

    Parameters:
        directory: spellings and cities of ``zakaz.dim_city_alias``.
        events: event id → :class:`Event`, from ``zakaz.dim_events``.
        orders: ad id → ``utm_source`` → event id → paid orders that carry the ad's id in ``utm_content``.
    """

    directory: CityDirectory
    events: Mapping[int, Event] = field(default_factory=dict)
    orders: Mapping[int, Mapping[str, Mapping[int, int]]] = field(default_factory=dict)
    _event_cities: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        cities = frozenset(normalise_city(event.city) for event in self.events.values())
        object.__setattr__(self, "_event_cities", cities - {""})

    def event_sold_by(self, ad_id: int, source: str) -> Event | None:
        """The event most sold through this ad, within the city most sold through it.

        Parameters:
            source: the ad's own ``utm_source``; '', none, takes the orders of any.
        """
        cities: Counter[str] = Counter()
        sold: dict[str, list[tuple[int, int]]] = {}
        by_source = self.orders.get(ad_id, {})
        by_event: Counter[int] = Counter()
        for found in [by_source.get(source, {})] if source else by_source.values():
            by_event.update(found)
        for event_id, orders in by_event.items():
            event = self.events.get(event_id)
            if event and event.city:
                cities[event.city] += orders
                sold.setdefault(event.city, []).append((-orders, event_id))
        if not cities:
            return None
        # Equal counts go to the first name, so that two runs never disagree.
        city = min(cities, key=lambda name: (-cities[name], name))
        return self.events[min(sold[city])[1]]

    def resolve(self, raw: str) -> str:
        """The known city behind a hand-written spelling, or ''.

        Underscores stand for a space or a hyphen in a UTM value, so each reading is tried.
        """
        for spelling in (raw, raw.replace("_", " "), raw.replace("_", "-")):
            city = self.directory.resolve(spelling)
            if self.directory.known(spelling) or city in self._event_cities:
                return city
        return ""


@dataclass(frozen=True, slots=True)
class Attribution:
    """The answer for one ad. ``city`` '' and method 'none' mean unattributed.

    ``method`` is 'ad_id' where ``utm_content`` is the ad's own id, 'city_date' where it is a hand-written mark.

    ``unresolved`` is a hand-written city the warehouse does not know, for the operator to add an alias.
    """

    method: str = "none"
    city: str = ""
    event_date: date | None = None
    unresolved: str = ""


def parse_city_date(text: str) -> CityDate | None:
    """Read ``<city>_<dd>_<mm>``; None when the text is something else or no day of any year."""
    match = _CITY_DATE.match(plain_text(text))
    if not match:
        return None
    day, month = int(match["day"]), int(match["month"])
    try:
        date(2024, month, day)  # a leap year: 29_02 is a day
    except ValueError:
        return None
    city = match["city"].strip(" _")
    return CityDate(city, day, month) if city else None


def mark_date(day: int, month: int, *, created: date | None, today: date) -> date | None:
    """The date a mark without a year means.

    Parameters:
        created: the ad's creation; ads precede their show, so the first such day from a week before
            it on is meant. Without it, the day nearest to ``today``.
    Returns:
        None for 29 February with no leap year near.
    """
    reference = created or today
    candidates = []
    for year in (reference.year - 1, reference.year, reference.year + 1):
        try:
            candidates.append(date(year, month, day))
        except ValueError:
            continue
    if created:
        return min((one for one in candidates if one >= created - timedelta(days=7)), default=None)
    return min(candidates, key=lambda one: abs(one - today), default=None)


def link_utm(url: str) -> Utm:
    """The UTM written into the link itself."""
    try:
        return utm_from_url(url)
    except ValueError:  # urlsplit refuses a malformed host
        return Utm()


def public_url(url: str) -> str:
    """The link as it may be stored: no query, fragment or credentials; '' when it cannot be read."""
    try:
        return clean_text(url_without_query(url), longest=_LONGEST_STORED_URL)
    except ValueError:
        return ""


def event_ids_in_url(url: str) -> list[int]:
    """Numbers of the link's path that can be an event id, the last one first."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return []
    return [int(match["id"]) for match in _EVENT_IN_PATH.finditer(path)][::-1]


def attribute(
    *,
    utm: Utm,
    url: str,
    names: Iterable[str],
    ad_id: int,
    book: CityBook,
    created: date | None,
    today: date,
) -> Attribution:
    """City and event day of one ad.

    Parameters:
        utm: what a visitor arrives with, the source's own numbers put in.
        url: the ad's link, as it was written.
        names: hand-given names, nearest first: ad, group, campaign.
        created: the ad's creation day (Moscow), where it is known.
        today: the Moscow day of the run.
    """
    own = link_utm(url).content
    if utm.content != str(ad_id):
        return _from_marks((utm.content, own), "city_date", book, created, today)
    event = book.event_sold_by(ad_id, utm.source) or _event_of_link(url, book)
    if event:
        return Attribution("ad_id", event.city, _show_day(event, created or today))
    return _from_marks((own, *names), "ad_id", book, created, today)


def _event_of_link(url: str, book: CityBook) -> Event | None:
    found = (book.events.get(event_id) for event_id in event_ids_in_url(url))
    return next((event for event in found if event and event.city), None)


def _show_day(event: Event, reference: date) -> date | None:
    """The show the ad is for: the first on or after the reference, else the last; of an open exhibition its closing."""
    ahead = [day for day in event.days if day >= reference]
    return min(ahead) if ahead else max(event.days, default=None)


def _from_marks(texts: Iterable[str], method: str, book: CityBook, created: date | None, today: date) -> Attribution:
    unresolved = ""
    for text in texts:
        mark = parse_city_date(text)
        if not mark:
            continue
        city = book.resolve(mark.city_raw)
        if city:
            return Attribution(method, city, mark_date(mark.day, mark.month, created=created, today=today))
        unresolved = unresolved or mark.city_raw
    return Attribution(unresolved=unresolved)
