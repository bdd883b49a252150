"""Changes of a running season: what buyers, organisers and the advertising cabinet do between two requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit, urlunsplit

import msgspec

from api_sandbox.advertising import day_stat
from api_sandbox.cities import CITY_BY_KEY
from api_sandbox.moscow_time import DAY, now, parse_iso
from api_sandbox.records import AdGroup, AdPlan, Banner, DayStat, Event, Order
from api_sandbox.sales import REFUND_COMBINATIONS, landing_utm, refund

if TYPE_CHECKING:
    from api_sandbox.service_state import ServiceState

T = TypeVar("T")

Kind = Literal[
    "insert_orders",  # ``count`` new orders (unpaid and still open when ``payed`` is false)
    "update_orders",  # only ``updated_at`` moves
    "pay_orders",  # open unpaid orders are paid
    "cancel_orders",  # orders and their tickets get ``deleted_at``
    "refund_orders",  # paid orders, by ``combination`` (see REFUND_COMBINATIONS) or each in turn
    "remove_orders",  # orders vanish from the API altogether
    "update_events",  # only ``updated_at`` moves
    "change_event_city",  # events move to ``city`` (a key; another one by chance when it is empty)
    "respell_event_city",  # the same city in a spelling that looks like it, by ``form``
    "cp1251_utm",  # links of banners carry their Cyrillic UTM in percent codes of CP1251
    "change_vk_currency",  # the last ``count`` cabinets spend ``currency``
    "delete_events",  # events get ``deleted_at``; their orders stay
    "revise_vk_days",  # the last ``days`` days of every banner change by up to ±10 %
    "add_vk_banners",  # ``count`` new banners in existing groups, with spend on the last ``days`` days
    "hide_vk_statistics",  # listed ids that statistics refuse: ERR_WRONG_IDS for the whole batch
    "show_vk_statistics",  # the opposite
    "revoke_qtickets_tokens",  # every Qtickets request is a 403 from now on
    "restore_qtickets_tokens",
    "add_qtickets_token",  # ``token`` is accepted too
    "remove_qtickets_token",  # ``token`` is a 403 from now on
    "change_vk_secret",  # ``token`` is the first VK client's secret from now on; its live tokens stay
    "expire_vk_tokens",  # live VK tokens answer expired_token
    "revoke_vk_tokens",  # live VK tokens answer revoked_token
    "delete_vk_tokens",  # live VK tokens answer invalid_token and free their places under the cap
]


class MutationError(Exception):
    """The mutation cannot be carried out; the text says why."""


class Mutation(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One change.

    ``ids`` are the orders, events or banners it is about; without them ``count`` suitable ones are picked, the same
    ones every time. ``at`` is the moment it happens: ``now``, seconds relative to now (``-300``), or ISO 8601.
    """

    kind: Kind
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


def mutate(state: ServiceState, mutation: Mutation) -> list[int]:
    """Carry out one change; answers the ids it touched. Raises MutationError."""
    season = state.season
    random = Random(f"{season.seed}:mutation:{season.revision}")
    touched = _ACTIONS[mutation.kind](state, mutation, _moment(mutation.at), random)
    season.revision += 1
    for number in touched:
        state.encoded_orders.pop(number, None)
    return touched


def _moment(text: str) -> int:
    try:
        if text == "now":
            return now()
        return now() + int(text) if text.lstrip("+-").isdecimal() else parse_iso(text)
    except ValueError as error:
        raise MutationError(f"at: expected now, seconds or ISO 8601, found {text!r}") from error


def _pick(mutation: Mutation, random: Random, rows: dict[int, T], suits: Callable[[T], bool]) -> list[int]:
    if mutation.ids:
        if missing := [number for number in mutation.ids if number not in rows]:
            raise MutationError(f"{mutation.kind}: no such id: {missing[0]}")
        return list(mutation.ids)
    suitable = [number for number, row in rows.items() if suits(row)]
    if len(suitable) < mutation.count:
        raise MutationError(f"{mutation.kind}: {mutation.count} wanted, only {len(suitable)} are suitable")
    return sorted(random.sample(suitable, mutation.count))


def _orders(suits: Callable[[Order], bool], change: Callable[[Order, Mutation, int, int], None]) -> Action:
    def act(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
        orders = state.season.orders
        chosen = _pick(mutation, random, orders, suits)
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


def _insert(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
    season = state.season
    events = [event for event in season.events.values() if event.appeal > 0]
    banners = [
        (account.groups[banner.group_id], banner, account.plans[account.groups[banner.group_id].plan_id].event_id)
        for account in season.accounts
        for banner in account.banners.values()
    ]
    touched = []
    for _ in range(mutation.count):
        event = random.choice(events)
        links = [landing_utm(group, banner) for group, banner, event_id in banners if event_id == event.id]
        order = season.desk.sell(event, at, 0, random.choice([*links, None]), payed=mutation.payed, closed_at=at)
        season.orders[order.id] = order
        touched.append(order.id)
    return touched


def _remove(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
    chosen = _pick(mutation, random, state.season.orders, lambda order: True)
    for number in chosen:
        del state.season.orders[number]
    return chosen


def _change_events(deleted: bool) -> Action:
    def act(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
        events = state.season.events
        chosen = _pick(mutation, random, events, lambda event: event.deleted_at is None)
        for number in chosen:
            events[number].updated_at = at
            if deleted:
                events[number].deleted_at = at
        return chosen

    return act


def _change_event_city(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
    if mutation.city and mutation.city not in CITY_BY_KEY:
        raise MutationError(f"change_event_city: no such city: {mutation.city}; known are {', '.join(CITY_BY_KEY)}")
    events = state.season.events

    def suits(event: Event) -> bool:
        return event.appeal > 0 and event.city.key != mutation.city

    chosen = _pick(mutation, random, events, suits)
    for number in chosen:
        event = events[number]
        others = [city for city in CITY_BY_KEY.values() if city is not event.city]
        event.city = CITY_BY_KEY[mutation.city] if mutation.city else random.choice(others)
        event.city_raw = event.city.spellings[0]
        event.updated_at = at
    return chosen


def _respell_event_city(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
    """The organiser's spelling changes to one that looks the same; the city does not."""
    respell = _RESPELLED[mutation.form]

    def suits(event: Event) -> bool:
        return event.appeal > 0 and respell(event.city.spellings[0]) != event.city.spellings[0]

    events = state.season.events
    chosen = _pick(mutation, random, events, suits)
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


def _cp1251_utm(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
    """Cyrillic UTM of links in percent codes of CP1251, as old Russian tools write it, and of orders that came so."""
    groups = {group.id: group for account in state.season.accounts for group in account.groups.values()}
    banners = _banners(state)

    def suits(banner: Banner) -> bool:
        return _cyrillic(banner) and not groups[banner.group_id].enable_utm  # else a click arrives with the group's

    chosen = _pick(mutation, random, banners, suits)
    for number in chosen:
        banner = banners[number]
        marked = landing_utm(groups[banner.group_id], banner)
        parts = urlsplit(banner.url)
        banner.url = urlunsplit(parts._replace(query=urlencode(parse_qsl(parts.query), encoding="cp1251")))
        banner.updated_at = at
        for order in state.season.orders.values():
            if order.utm and order.utm == marked and not all(map(str.isascii, order.utm.values())):
                order.utm_in_cp1251, order.updated_at = True, at
                state.encoded_orders.pop(order.id, None)
    return chosen


def _cyrillic(banner: Banner) -> bool:
    query = unquote_plus(urlsplit(banner.url).query)
    return not query.isascii() and "\ufffd" not in query


def _change_vk_currency(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
    """The last ``count`` cabinets spend another currency from the beginning."""
    if len(mutation.currency) != 3 or not mutation.currency.isupper():
        raise MutationError(f"change_vk_currency: currency must be a code like USD, found {mutation.currency!r}")
    changed = state.season.accounts[-mutation.count :]
    for account in changed:
        account.currency = mutation.currency
    return [account.user_id for account in changed]


def _revise(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
    first = state.season.season_end - timedelta(days=mutation.days - 1)
    touched = []
    for banner in _banners(state).values():
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


def _banners(state: ServiceState) -> dict[int, Banner]:
    return {banner.id: banner for account in state.season.accounts for banner in account.banners.values()}


def _add_banners(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
    season = state.season
    highest = max(
        number
        for account in season.accounts
        for rows in (account.plans, account.groups, account.banners)
        for number in rows
    )
    places: list[tuple[dict[int, Banner], AdGroup, AdPlan]] = [
        (account.banners, group, account.plans[group.plan_id])
        for account in season.accounts
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


def _statistics(hide: bool) -> Action:
    def act(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
        chosen = _pick(mutation, random, _banners(state), lambda banner: (banner.id in state.hidden_ids) is not hide)
        (state.hidden_ids.update if hide else state.hidden_ids.difference_update)(chosen)
        return chosen

    return act


def _qtickets_tokens(valid: bool) -> Action:
    def act(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
        state.qtickets_tokens_valid = valid
        return []

    return act


def _qtickets_token(accepted: bool) -> Action:
    def act(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
        if not mutation.token:
            raise MutationError(f"{mutation.kind}: token is missing")
        (state.qtickets_tokens.add if accepted else state.qtickets_tokens.discard)(mutation.token)
        return []

    return act


def _change_vk_secret(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
    if not mutation.token:
        raise MutationError(f"{mutation.kind}: token is missing")
    clients = state.vk_tokens.clients
    first = next(iter(clients))
    clients[first] = replace(clients[first], secret=mutation.token)
    return []


def _vk_tokens(mark: str) -> Action:
    def act(state: ServiceState, mutation: Mutation, at: int, random: Random) -> list[int]:
        state.vk_tokens.mark(mark)
        return []

    return act


_ACTIONS: dict[str, Action] = {
    "insert_orders": _insert,
    "update_orders": _orders(lambda order: True, lambda order, mutation, at, turn: None),
    "pay_orders": _orders(lambda order: not order.payed and order.deleted_at is None, _pay),
    "cancel_orders": _orders(lambda order: order.deleted_at is None, _cancel),
    "refund_orders": _orders(_has_open_tickets, _refund),
    "remove_orders": _remove,
    "update_events": _change_events(deleted=False),
    "change_event_city": _change_event_city,
    "respell_event_city": _respell_event_city,
    "cp1251_utm": _cp1251_utm,
    "change_vk_currency": _change_vk_currency,
    "delete_events": _change_events(deleted=True),
    "revise_vk_days": _revise,
    "add_vk_banners": _add_banners,
    "hide_vk_statistics": _statistics(hide=True),
    "show_vk_statistics": _statistics(hide=False),
    "revoke_qtickets_tokens": _qtickets_tokens(valid=False),
    "restore_qtickets_tokens": _qtickets_tokens(valid=True),
    "add_qtickets_token": _qtickets_token(accepted=True),
    "remove_qtickets_token": _qtickets_token(accepted=False),
    "change_vk_secret": _change_vk_secret,
    "expire_vk_tokens": _vk_tokens("expired"),
    "revoke_vk_tokens": _vk_tokens("revoked"),
    "delete_vk_tokens": _vk_tokens("dead"),
}
