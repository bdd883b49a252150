"""Orders of a season: who bought what, when, through which link, and what was given back."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from api_sandbox.season.advertising import parse_utm
from api_sandbox.season.moscow_time import DAY
from api_sandbox.season.records import Account, Banner, Discount, Event, Order, Show, Ticket
from api_sandbox.season.schedule import demand_curve, weekday_factor

PAYMENT_TYPES = ("card", "sbp", "4326371")  # words, and ids of the organiser's own ways to pay
_UNPAID_SHARE = 0.14
_REFUND_SHARE = 0.03
_TICKETS = tuple(accumulate((30, 45, 12, 9, 3, 1)))
# Seconds of the day by hour: quiet nights, a lunch peak, a long evening.
_HOURS = tuple(accumulate((14, 7, 4, 2, 2, 3, 8, 16, 30, 42, 50, 56, 62, 60, 55, 54, 57, 62, 72, 84, 92, 88, 66, 36)))
_OTHER_UTM: tuple[dict[str, str] | None, ...] = (
    None,
    None,
    None,
    None,
    {"utm_source": "telegram", "utm_medium": "post", "utm_campaign": "канал"},
    {
        "utm_source": "Email",
        "utm_medium": "newsletter",
        "utm_campaign": "afisha_weekly",
        "utm_content": "button",
    },
    {"utm_source": "yandex", "utm_medium": "cpc", "utm_campaign": "brand", "utm_term": "билеты на концерт"},
)
# Created and paid around the midnight at which a Moscow day ends, in seconds from it.
_MIDNIGHT = ((-40, 55), (0, 45), (-2, 1), (-1, 1), (1, 90), (-290, 300))


class _Link:
    """How a buyer arrived: a banner, or anything else."""

    __slots__ = ("utm", "weight")

    def __init__(self, weight: float, utm: dict[str, str] | None) -> None:
        self.weight = weight
        self.utm = utm


def landing_utm(cabinet: Account, banner: Banner) -> dict[str, str] | None:
    """The UTM with which a click on the banner arrives."""
    return {name: values[-1] for name, values in parse_utm(cabinet.arrival(banner)).items()} or None


def build_orders(
    seed: int,
    events: Sequence[Event],
    cabinets: Sequence[Account],
    discounts: Sequence[Discount],
    first_day: date,
    first_second: int,
    season_days: int,
    count: int,
) -> TicketDesk:
    """``count`` orders in order of creation, with ids rising with it.

    Demand follows the event's curve and rises with what was spent on its advertising that day. Answers the desk
    that sold them: its ``orders``, and the numbers at which later sales go on.
    """
    random = Random(f"{seed}:sales")
    links = _links_by_cell(cabinets, first_day, season_days)
    cells: list[tuple[Event, int]] = []
    weights: list[float] = []
    paid_part: list[float] = []
    mean_spend = sum(link.weight for found in links.values() for link in found) / max(1, len(links))
    for event in events:
        for day in range(season_days):
            demand = demand_curve(event, day)
            if demand <= 0:
                continue
            weekday = (first_day + timedelta(days=day)).weekday()
            organic = demand * weekday_factor(weekday) * random.uniform(0.6, 1.4)
            driven = 1.6 * sum(link.weight for link in links.get((event.id, day), ())) / (mean_spend or 1)
            cells.append((event, day))
            weights.append(organic + driven)
            paid_part.append(driven / (organic + driven))
    chosen = random.choices(range(len(cells)), weights, k=count) if cells else []
    moments = []
    for number, cell in enumerate(chosen):
        second, delay = _moment(random, number, season_days, cells[cell][1])
        moments.append((first_second + second, delay, cell))
    moments.sort()
    season_end = first_second + season_days * DAY - 1
    desk = TicketDesk(seed, random, discounts, season_end)
    for created, delay, cell in moments:
        event, day = cells[cell]
        found = links.get((event.id, day), ())
        if found and random.random() < paid_part[cell]:
            utm = random.choices(found, [link.weight for link in found])[0].utm
        else:
            utm = random.choice(_OTHER_UTM)
        desk.orders.append(desk.sell(event, created, delay, utm))
    return desk


def _links_by_cell(
    cabinets: Sequence[Account], first_day: date, season_days: int
) -> dict[tuple[int, int], list[_Link]]:
    """Banners with spend by (event, day of season)."""
    links: dict[tuple[int, int], list[_Link]] = {}
    for cabinet in cabinets:
        for banner in cabinet.banners.values():
            event_id = cabinet.plans[cabinet.groups[banner.group_id].plan_id].event_id
            if event_id is None:
                continue
            utm = landing_utm(cabinet, banner)
            for day, stat in banner.days.items():
                if stat.spent:
                    links.setdefault((event_id, (day - first_day).days), []).append(_Link(stat.spent, utm))
    return links


def _moment(random: Random, number: int, season_days: int, day: int) -> tuple[int, int]:
    """(second of the season, seconds until payment); every 60th order is placed around midnight."""
    if number % 60 == 7 and day < season_days - 1:
        before, delay = _MIDNIGHT[number // 60 % len(_MIDNIGHT)]
        return (day + 1) * DAY + before, delay
    hour = bisect(_HOURS, random.random() * _HOURS[-1])
    return day * DAY + hour * 3600 + random.randrange(3600), random.randint(25, 700)


class TicketDesk:
    """Sells: gives out ids and seats and decides what becomes of each order."""

    def __init__(self, seed: int, random: Random, discounts: Sequence[Discount], season_end: int) -> None:
        self.seed = seed
        self.random = random
        self.season_end = season_end
        self.codes = [discount for discount in discounts if discount.code]
        self.rules = [discount for discount in discounts if not discount.code]
        self.orders: list[Order] = []
        self.order_id = 1_000_000
        self.ticket_id = 4_000_000
        self.clients = 0
        self.refunds = 0
        self.paid = 0

    def sell(
        self,
        event: Event,
        created: int,
        delay: int,
        utm: dict[str, str] | None,
        *,
        payed: bool | None = None,
        closed_at: int | None = None,
    ) -> Order:
        """Sell one order; nothing happens to it later than ``closed_at`` (the end of the season by default).

        ``payed`` of None draws it, and an unpaid order then lapses; given as False the order stays open.
        """
        end = self.season_end if closed_at is None else closed_at
        lapses = payed is None
        random = self.random
        self.order_id += random.choice((1, 1, 1, 2, 3))
        if self.clients > 20 and random.random() < 0.25:
            client_id = 500_000 + random.randint(1, self.clients)
        else:
            self.clients += 1
            client_id = 500_000 + self.clients
        reduction = None
        draw = random.random()
        if draw < 0.12 and self.codes:
            reduction = random.choice(self.codes)
        elif draw < 0.16 and self.rules:
            reduction = random.choice(self.rules)
        payed_at = min(created + delay, end)
        lapsed_at = min(created + 1800, end)
        if payed is None:
            payed = random.random() >= _UNPAID_SHARE
        updated_at = payed_at if payed else lapsed_at
        order = Order(
            id=self.order_id,
            event_id=event.id,
            client_id=client_id,
            payed=payed,
            created_at=created,
            updated_at=updated_at,
            payed_at=payed_at if payed else None,
            deleted_at=lapsed_at if lapses and not payed else None,
            payment_type=random.choice(PAYMENT_TYPES),
            discount_id=(reduction.rule_id if reduction.code else reduction.id) if reduction else None,
            promo_code_id=reduction.id if reduction and reduction.code else None,
            utm=utm,
            tickets=[],
        )
        show = random.choice(event.shows)
        for _ in range(1 + bisect(_TICKETS, random.random() * _TICKETS[-1])):
            self.ticket_id += 1
            order.tickets.append(
                new_ticket(
                    random,
                    self.ticket_id,
                    show,
                    created,
                    updated_at,
                    reduction.percent if reduction else 0,
                )
            )
        if payed:
            self.paid += 1
            if lapses:
                self._after_sale(order, updated_at, event, show)
        else:
            for ticket in order.tickets:
                ticket.deleted_at = order.deleted_at
        return order

    def _after_sale(self, order: Order, updated_at: int, event: Event, show: Show) -> None:
        """Refunds (each combination early, so that small seasons hold them too) and entrance scans."""
        # A share at random, and one early order for each combination so that even small seasons show them all.
        if self.random.random() < _REFUND_SHARE or (self.paid % 5 == 3 and self.refunds < len(REFUND_COMBINATIONS)):
            combination = REFUND_COMBINATIONS[self.refunds % len(REFUND_COMBINATIONS)]
            self.refunds += 1
            moment = min(updated_at + self.random.randint(3600, 20 * DAY), self.season_end)
            refund(order, combination, moment)
        elif show.starts_at < self.season_end:
            for ticket in order.tickets:
                if self.random.random() < 0.9:
                    early = self.random.randint(0, 3000)
                    # An exhibition is visited on any day after the purchase.
                    visit = max(show.starts_at, updated_at + DAY) if event.exhibition else show.starts_at - early
                    ticket.checked_at = visit if visit <= min(show.finishes_at, self.season_end) else None


def new_ticket(random: Random, ticket_id: int, show: Show, created: int, updated: int, percent: int) -> Ticket:
    """The next free seat of the show at a random price tier, less ``percent``."""
    tier = random.randrange(len(show.tiers))
    seat = show.seats_taken
    show.seats_taken += 1
    price = show.tiers[tier]
    place = seat_of(show, seat)
    return Ticket(
        id=ticket_id,
        show_id=show.id,
        seat_id=place[0],
        seat_name=place[1],
        original_price=price,
        discount=price * percent // 100,
        service_fee=price * 5 // 100,
        created_at=created,
        updated_at=updated,
    )


def seat_of(show: Show, number: int) -> tuple[str, str]:
    """(id, name) of the seat with that number; an admission show has one unnumbered zone."""
    if show.admission:
        return "ENTRANCE-1;1", "Танцпол"
    row, place = number // 20 + 1, number % 20 + 1
    return f"PARTER-{row};{place}", f"Партер, ряд {row}, место {place}"


# (part of the tickets it touches, share of the price kept back, whether they are also deleted,
#  whether the deduction field is present). None as the share kept: deleted without a refund.
REFUND_COMBINATIONS: tuple[tuple[str, int | None, bool, bool], ...] = (
    ("all", 0, False, True),
    ("one", 10, False, True),
    ("one", 10, True, True),
    ("all", 0, True, True),
    ("one", None, True, False),
    ("all", 20, False, False),
    ("one", 100, False, True),
    ("all", 30, True, True),
)


def refund(order: Order, combination: tuple[str, int | None, bool, bool], moment: int) -> None:
    """Give back tickets of a paid order in one of the ways of :data:`REFUND_COMBINATIONS`."""
    part, kept_percent, deleted, with_deduction = combination
    open_tickets = [t for t in order.tickets if t.deleted_at is None and t.refunded_at is None]
    for ticket in open_tickets if part == "all" else open_tickets[:1]:
        if kept_percent is not None:
            kept = ticket.price * kept_percent // 100
            ticket.refunded_at = moment
            ticket.refunded_amount = ticket.price - kept
            ticket.refund_deduction = kept if with_deduction else None
        if deleted:
            ticket.deleted_at = moment
        ticket.checked_at = None
        ticket.updated_at = moment
    order.updated_at = max(order.updated_at or 0, moment)
