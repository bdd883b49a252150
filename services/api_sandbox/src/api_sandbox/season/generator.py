"""A whole season from four numbers: the same inputs give the same objects, ids and kopecks every time.

>>> Season(seed=7, orders=500, season_end=date(2026, 11, 20), season_days=60)  # doctest: +SKIP

With the vendors' cabinets: :func:`api_sandbox.service.state.build_season`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from random import Random

from api_sandbox.season.advertising import last_change, spend
from api_sandbox.season.cities import CITY_ALIASES, city_key
from api_sandbox.season.moscow_time import DAY, day_start
from api_sandbox.season.people import Person, barcode, cancel_hash, person, ticket_link
from api_sandbox.season.records import Account, Discount, Event, Order, Show
from api_sandbox.season.sales import build_orders
from api_sandbox.season.schedule import build_events

__all__ = ["CITY_ALIASES", "Season", "city_key"]

# An average paid order is about 2.2 tickets of 1,700 roubles; a season returns about five times its ad spend.
_REVENUE_PER_ORDER = 320_000
_TARGET_ROAS = 5


Advertise = Callable[["Season"], Sequence[Account]]
"""A vendor's cabinets for a season that has its events; their days are filled in afterwards."""


class Season:
    """Events, orders and advertising of one organiser.

    Parameters
    ----------
    seed: any integer; another seed is another season.
    orders: number of orders, unpaid ones included.
    season_end: last Moscow day of the season.
    season_days: length of the season in days, its last day included.
    multilingual: all event names (one in thirteen otherwise) are ``{"ru": …, "en": …}`` objects, as accounts with
        several languages answer.
    advertising: what adds each vendor's cabinets, and the budget they share: 1 is a fifth of what orders bring.

    Attributes: ``events``, ``shows``, ``orders`` (dicts by id, ids ascending), ``discounts``, ``promo_codes``,
    ``accounts``, and ``revision``, which grows whenever a mutation changed something.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        orders: int = 2000,
        season_end: date,
        season_days: int = 120,
        multilingual: bool = False,
        advertising: Sequence[tuple[Advertise, float]] = (),
    ) -> None:
        if orders < 0 or season_days < 15:
            raise ValueError(
                f"expected orders >= 0, season_days >= 15; found orders={orders}, season_days={season_days}"
            )
        self.seed = seed
        self.season_end = season_end
        self.season_days = season_days
        self.first_day = season_end - timedelta(days=season_days - 1)
        self.revision = 0
        first_second = day_start(self.first_day)
        events = build_events(seed, first_second, season_days, max(13, season_days // 10))
        for event in events:
            event.multilingual = multilingual or event.multilingual
        self.events: dict[int, Event] = {event.id: event for event in events}
        self.shows: dict[int, Show] = {show.id: show for event in events for show in event.shows}
        self.discounts, self.promo_codes = _discounts(seed, first_second, events)
        self.accounts: list[Account] = []
        budget = orders * _REVENUE_PER_ORDER // _TARGET_ROAS
        for advertise, part in advertising:
            cabinets = advertise(self)
            spend(seed, cabinets, self.events, self.first_day, season_days, round(budget * part))
            self.accounts += cabinets
        for account in self.accounts:
            account.settle()
            for banner in account.banners.values():
                banner.updated_at = last_change(banner)
        self.desk = build_orders(
            seed,
            events,
            self.accounts,
            self.discounts + self.promo_codes,
            self.first_day,
            first_second,
            season_days,
            orders,
        )
        self.orders: dict[int, Order] = {order.id: order for order in self.desk.orders}
        self.desk.orders = []

    def accounts_of(self, vendor: str) -> list[Account]:
        """The cabinets of one vendor."""
        return [account for account in self.accounts if account.vendor == vendor]

    def client(self, client_id: int) -> Person:
        """The generated buyer of that id."""
        return person(self.seed, client_id)

    def client_ids(self) -> list[int]:
        """Ids of everybody who ordered, ascending."""
        return sorted({order.client_id for order in self.orders.values()})

    def personal_data(self) -> Iterator[str]:
        """Every string that must not be found downstream: e-mail, phone, surname, card, barcode, cancel hash."""
        for account in self.accounts:
            yield account.email
        for client_id in self.client_ids():
            yield from self.client(client_id).strings()
        for order in self.orders.values():
            yield cancel_hash(self.seed, order.id)
            for ticket in order.tickets:
                yield barcode(ticket.id)
                yield ticket_link(self.seed, ticket.id)


def _discounts(seed: int, first_second: int, events: list[Event]) -> tuple[list[Discount], list[Discount]]:
    """(discount rules, promo codes): one page and a bit of each, so that a loader must turn the page."""
    random = Random(f"{seed}:discounts")
    percents = [random.choice((5, 7, 10, 15)) for _ in range(104)]
    percents[50:52] = 99, 100  # recorded: tickets for 4 roubles and for nothing
    rules = [
        Discount(700 + n, f"Скидка {percent} %, правило {n + 1}", percent, "", first_second - n * 3600)
        for n, percent in enumerate(percents)
    ]
    for n, rule in enumerate(rules):
        rule.event_ids = tuple(event.id for event in events[n % 4 : n % 4 + n % 3])
        rule.active_from = first_second if n % 3 == 1 else None
        rule.active_to = first_second + 60 * DAY if n % 3 == 1 else None
        rule.deleted_at = first_second + 30 * DAY if n % 10 == 9 else None
    codes = []
    for n in range(512):
        rule, created = rules[n % len(rules)], first_second - n * 60
        code = Discount(9_000 + n, f"Промокод {n + 1}", rule.percent, f"ZAKAZ{n + 1:04d}", created, rule.id)
        code.active_to = first_second + 90 * DAY if n % 4 == 3 else None
        code.deleted_at = first_second + 40 * DAY if n % 20 == 19 else None
        codes.append(code)
    return rules, codes
