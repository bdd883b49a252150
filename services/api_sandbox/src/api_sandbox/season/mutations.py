"""Changes of a running season: what buyers, organisers and the advertising cabinet do between two requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit, urlunsplit

import msgspec

from api_sandbox.season.cities import CITY_BY_KEY
from api_sandbox.season.generator import Season
from api_sandbox.season.moscow_time import DAY, now, parse_iso
from api_sandbox.season.records import Banner, Event, Order
from api_sandbox.season.sales import REFUND_COMBINATIONS, landing_utm, refund

T = TypeVar("T")


class MutationError(Exception):
    """The mutation cannot be carried out; the text says why."""


class Mutation(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One change. Its kind is one of ``ACTIONS``, or one of a vendor's own.

    ``ids`` are the orders, events or banners it is about; without them ``count`` suitable ones are picked, the same
    ones every time. ``at`` is the moment it happens: ``now``, seconds relative to now (``-300``), or ISO 8601.
    """

    kind: str
    ids: list[int] = []
    count: int = 1
    at: str = "now"
    payed: bool = True
    combination: int | None = None
    days: int = 3
    token: str = ""
    city: str = ""
    stamp: Literal["now", "back", "equal", "absent"] = "now"
    form: Literal["no_break_hyphen", "en_dash", "spaced_hyphen", "zero_width", "latin"] = "no_break_hyphen"
    currency: str = ""


Action = Callable[[Any, Mutation, int, Random], list[int]]


class Playing(Protocol):
    """Whoever plays the season, as far as those who change it or tell of it need to know."""

    season: Season
    violations: list[dict[str, str]]
    actions: Mapping[str, Action]

    def forget(self, ids: Iterable[int]) -> None:
        """Objects with these ids changed."""


def mutate(state: Playing, mutation: Mutation) -> list[int]:
    """Carry out one change; answers the ids it touched. Raises MutationError."""
    season = state.season
    random = Random(f"{season.seed}:mutation:{season.revision}")
    touched = state.actions[mutation.kind](state, mutation, _moment(mutation.at), random)
    season.revision += 1
    state.forget(touched)
    return touched


def _moment(text: str) -> int:
    try:
        if text == "now":
            return now()
        return now() + int(text) if text.lstrip("+-").isdecimal() else parse_iso(text)
    except ValueError as error:
        raise MutationError(f"at: expected now, seconds or ISO 8601, found {text!r}") from error


def pick(mutation: Mutation, random: Random, rows: dict[int, T], suits: Callable[[T], bool]) -> list[int]:
    """The ids of ``rows`` the mutation is about. Raises MutationError."""
    if mutation.ids:
        if missing := [number for number in mutation.ids if number not in rows]:
            raise MutationError(f"{mutation.kind}: no such id: {missing[0]}")
        return list(mutation.ids)
    suitable = [number for number, row in rows.items() if suits(row)]
    if len(suitable) < mutation.count:
        raise MutationError(f"{mutation.kind}: {mutation.count} wanted, only {len(suitable)} are suitable")
    return sorted(random.sample(suitable, mutation.count))


def _orders(suits: Callable[[Order], bool], change: Callable[[Order, Mutation, int, int], None]) -> Action:
    def act(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
        orders = state.season.orders
        chosen = pick(mutation, random, orders, suits)
        for turn, number in enumerate(chosen):
            order = orders[number]
            before = order.updated_at
            change(order, mutation, at, turn)
            # The source may stamp a change with an older time, the same one, or none.
            stamps = {"now": at, "back": (before or at) - DAY, "equal": before, "absent": None}
            order.updated_at = stamps[mutation.stamp]
            if mutation.stamp != "now":
                for ticket in order.tickets:
                    ticket.updated_at = min(ticket.updated_at, order.updated_at or before or at)
        return chosen

    return act


def _pay(order: Order, mutation: Mutation, at: int, turn: int) -> None:
    order.payed, order.payed_at = True, at
    for ticket in order.tickets:
        ticket.updated_at = at


def _cancel(order: Order, mutation: Mutation, at: int, turn: int) -> None:
    order.deleted_at = at
    for ticket in order.tickets:
        if ticket.deleted_at is None:
            ticket.deleted_at = ticket.updated_at = at


def _refund(order: Order, mutation: Mutation, at: int, turn: int) -> None:
    number = turn if mutation.combination is None else mutation.combination
    refund(order, REFUND_COMBINATIONS[number % len(REFUND_COMBINATIONS)], at)


def _has_open_tickets(order: Order) -> bool:
    return order.payed and any(t.deleted_at is None and t.refunded_at is None for t in order.tickets)


def _insert(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    season = state.season
    events = [event for event in season.events.values() if event.appeal > 0]
    banners = [
        (account, banner, account.plans[account.groups[banner.group_id].plan_id].event_id)
        for account in season.accounts
        for banner in account.banners.values()
    ]
    touched = []
    for _ in range(mutation.count):
        event = random.choice(events)
        links = [landing_utm(account, banner) for account, banner, event_id in banners if event_id == event.id]
        order = season.desk.sell(event, at, 0, random.choice([*links, None]), payed=mutation.payed, closed_at=at)
        season.orders[order.id] = order
        touched.append(order.id)
    return touched


def _remove(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    chosen = pick(mutation, random, state.season.orders, lambda order: True)
    for number in chosen:
        del state.season.orders[number]
    return chosen


def _change_events(deleted: bool) -> Action:
    def act(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
        events = state.season.events
        chosen = pick(mutation, random, events, lambda event: event.deleted_at is None)
        for number in chosen:
            events[number].updated_at = at
            if deleted:
                events[number].deleted_at = at
        return chosen

    return act


def _change_event_city(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    if mutation.city and mutation.city not in CITY_BY_KEY:
        raise MutationError(f"change_event_city: no such city: {mutation.city}; known are {', '.join(CITY_BY_KEY)}")
    events = state.season.events

    def suits(event: Event) -> bool:
        return event.appeal > 0 and event.city.key != mutation.city

    chosen = pick(mutation, random, events, suits)
    for number in chosen:
        event = events[number]
        others = [city for city in CITY_BY_KEY.values() if city is not event.city]
        event.city = CITY_BY_KEY[mutation.city] if mutation.city else random.choice(others)
        event.city_raw = event.city.spellings[0]
        event.updated_at = at
    return chosen


def _respell_event_city(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    """The organiser's spelling changes to one that looks the same; the city does not."""
    respell = _RESPELLED[mutation.form]

    def suits(event: Event) -> bool:
        return event.appeal > 0 and respell(event.city.spellings[0]) != event.city.spellings[0]

    events = state.season.events
    chosen = pick(mutation, random, events, suits)
    for number in chosen:
        events[number].city_raw = respell(events[number].city.spellings[0])
        events[number].updated_at = at
    return chosen


# Latin letters that look like the Cyrillic ones they replace.
_LATIN = str.maketrans("КМТОРСаеорсу", "KMTOPCaeopcy")
_RESPELLED: dict[str, Callable[[str], str]] = {
    "no_break_hyphen": lambda name: name.replace("-", "\u2011"),
    "en_dash": lambda name: name.replace("-", "\u2013"),
    "spaced_hyphen": lambda name: name.replace("-", " - "),
    "zero_width": lambda name: name[:3] + "\u200b" + name[3:],
    "latin": lambda name: name.translate(_LATIN),
}


def _cp1251_utm(state: Playing, mutation: Mutation, at: int, random: Random) -> list[int]:
    """Cyrillic UTM of links in percent codes of CP1251, as old Russian tools write it, and of orders that came so."""
    banners = {banner.id: banner for account in state.season.accounts for banner in account.banners.values()}
    cabinets = {number: account for account in state.season.accounts for number in account.banners}

    def suits(banner: Banner) -> bool:
        # else a click arrives with another mark than the link's
        return _cyrillic(banner) and cabinets[banner.id].arrival(banner) == urlsplit(banner.url).query

    chosen = pick(mutation, random, banners, suits)
    for number in chosen:
        banner = banners[number]
        marked = landing_utm(cabinets[number], banner)
        parts = urlsplit(banner.url)
        banner.url = urlunsplit(parts._replace(query=urlencode(parse_qsl(parts.query), encoding="cp1251")))
        banner.updated_at = at
        for order in state.season.orders.values():
            if order.utm and order.utm == marked and not all(map(str.isascii, order.utm.values())):
                order.utm_in_cp1251, order.updated_at = True, at
                state.forget([order.id])
    return chosen


def _cyrillic(banner: Banner) -> bool:
    query = unquote_plus(urlsplit(banner.url).query)
    return not query.isascii() and "\ufffd" not in query


ACTIONS: dict[str, Action] = {
    "insert_orders": _insert,  # ``count`` new orders (unpaid and still open when ``payed`` is false)
    # only ``updated_at`` moves
    "update_orders": _orders(lambda order: True, lambda order, mutation, at, turn: None),
    # open unpaid orders are paid
    "pay_orders": _orders(lambda order: not order.payed and order.deleted_at is None, _pay),
    # orders and their tickets get ``deleted_at``
    "cancel_orders": _orders(lambda order: order.deleted_at is None, _cancel),
    # paid orders, by ``combination`` (see REFUND_COMBINATIONS) or each in turn
    "refund_orders": _orders(_has_open_tickets, _refund),
    "remove_orders": _remove,  # orders vanish from the API altogether
    "update_events": _change_events(deleted=False),  # only ``updated_at`` moves
    "change_event_city": _change_event_city,  # events move to ``city`` (a key; another one by chance when it is empty)
    "respell_event_city": _respell_event_city,  # the same city in a spelling that looks like it, by ``form``
    "cp1251_utm": _cp1251_utm,  # links of banners carry their Cyrillic UTM in percent codes of CP1251
    "delete_events": _change_events(deleted=True),  # events get ``deleted_at``; their orders stay
}
