"""A small season with everything that makes figures wrong, and the figures recomputed in plain Python.

Nothing here is taken from the views: tickets are events in time, days are Moscow days, money is Decimal.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

MOSCOW = timezone(timedelta(hours=3))
NOWHERE = "unattributed"


@dataclass(frozen=True)
class Ticket:
    """One version of a ticket; a later version of the same key replaces it."""

    order_id: int
    ticket_id: int
    event_id: int
    version: int
    paid_at: datetime | None
    created_at: datetime
    price: Decimal
    refunded: Decimal = Decimal(0)
    is_refunded: bool = False
    is_deleted: bool = False
    currency: str = "RUB"

    @property
    def day(self) -> date:
        return (self.paid_at or self.created_at).astimezone(MOSCOW).date()

    @property
    def sold(self) -> int:
        return int(self.paid_at is not None and not self.is_deleted and not self.is_refunded)

    @property
    def net(self) -> Decimal:
        return self.price - self.refunded if self.paid_at is not None and not self.is_deleted else Decimal(0)


@dataclass(frozen=True)
class Spend:
    """One version of an ad's day."""

    d: date
    account: str
    ad_id: int
    version: int
    city: str
    impressions: int
    clicks: int
    spend: Decimal
    is_deleted: bool = False


# event → city as the loader stores it (normalised); 5 has none, 6 is not in the dimension at all
EVENTS = {1: "москва", 2: "москва", 3: "орел", 4: "нижний новгород", 5: ""}
# spellings that dim_city_alias maps; the mart of ads may still hold them
ALIASES = {"msk": "москва", "orel": "орел", "nizhny_novgorod": "нижний новгород", "москва": "москва"}


def utc(day: int, hour: int, minute: int = 0, month: int = 1) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def tickets() -> list[Ticket]:
    """All versions, in the order they are inserted."""
    at = utc(15, 10)
    plain = Ticket(1, 1, 1, 1, at, at, Decimal("1500.10"))
    late = Ticket(4, 1, 2, 1, None, at, Decimal("800.00"))
    refund = Ticket(5, 1, 3, 1, at, at, Decimal("999.99"))
    cancelled = Ticket(6, 1, 1, 1, at, at, Decimal("5000.00"))
    return [
        plain,
        plain,  # the same row twice: a retried insert
        replace(plain, ticket_id=2, price=Decimal("0.29")),
        Ticket(2, 1, 2, 1, at, at, Decimal("700.50")),  # another event of the same city on the same day
        # a late update that arrives before the row it replaces
        replace(plain, order_id=3, ticket_id=1, version=9, price=Decimal("1234.56")),
        replace(plain, order_id=3, ticket_id=1, version=2, price=Decimal("9999.99")),
        late,  # unpaid at first, paid two days later
        replace(late, version=2, paid_at=utc(17, 12)),
        refund,  # sold, then refunded with something kept
        replace(refund, version=2, is_refunded=True, refunded=Decimal("900.00")),
        cancelled,  # paid, then cancelled
        replace(cancelled, version=2, is_deleted=True),
        # month border: 20:59 UTC is January in Moscow, 21:00 to 24:00 UTC is February
        *[
            Ticket(10 + n, 1, 3, 1, moment, moment, Decimal("100.01") + n)
            for n, moment in enumerate(
                [utc(31, 20, 59), utc(31, 21, 0), utc(31, 22, 30), utc(31, 23, 59), utc(1, 0, 0, 2)]
            )
        ],
        # year border
        Ticket(20, 1, 4, 1, datetime(2025, 12, 31, 21, 30, tzinfo=UTC), at, Decimal("777.77")),
        Ticket(30, 1, 5, 1, at, at, Decimal("10.00")),  # an event without a city
        Ticket(31, 1, 6, 1, at, at, Decimal("20.00")),  # an event nobody knows
        Ticket(32, 1, 4, 1, utc(20, 9), at, Decimal("333.33")),  # a day with sales only
        Ticket(33, 1, 4, 1, at, at, Decimal("55.00"), currency="KZT"),  # other money stays out of ROI
        Ticket(34, 1, 1, 1, utc(16, 9), at, Decimal("100.00"), is_refunded=True, refunded=Decimal("100.00")),
    ]


def spends() -> list[Spend]:
    """All versions, in the order they are inserted."""
    first = Spend(date(2026, 1, 15), "a", 1, 1, "москва", 1000, 100, Decimal("250.25"))
    gone = Spend(date(2026, 1, 15), "a", 7, 1, "москва", 77, 7, Decimal("77.77"))
    return [
        first,
        first,
        replace(first, version=2, spend=Decimal("260.26"), clicks=104),  # restated by the cabinet
        Spend(date(2026, 1, 15), "b", 1, 1, "msk", 500, 0, Decimal("0.10")),  # same ad, another account
        Spend(date(2026, 1, 15), "a", 2, 1, "", 10, 1, Decimal("33.33")),  # nobody's city
        Spend(date(2026, 1, 15), "a", 3, 1, "orel", 300, 30, Decimal("90.00")),
        Spend(date(2026, 1, 18), "a", 1, 1, "москва", 900, 9, Decimal("12.34")),  # a day with ads only
        Spend(date(2026, 1, 31), "a", 3, 1, "орел", 1, 1, Decimal("1.01")),
        Spend(date(2026, 2, 1), "a", 3, 1, "орел", 2, 2, Decimal("2.02")),
        Spend(date(2026, 1, 15), "a", 4, 1, "nizhny_novgorod", 40, 4, Decimal("0.00")),  # shows without spend
        gone,
        replace(gone, version=2, is_deleted=True),  # vanished from the cabinet
    ]


def latest(rows: list, key) -> list:
    """The last inserted of the highest version of each key, without the deleted ones."""
    found: dict = {}
    for row in rows:
        if key(row) not in found or row.version >= found[key(row)].version:
            found[key(row)] = row
    return list(found.values())


def city_of_event(event_id: int) -> str:
    city = EVENTS.get(event_id, "")
    return ALIASES.get(city, city) or NOWHERE


def sales_daily() -> dict[tuple[date, str, int, str], tuple[int, Decimal]]:
    """(d, city, event, currency) → (tickets, revenue)."""
    found: dict = defaultdict(lambda: [0, Decimal(0)])
    for ticket in latest(tickets(), lambda t: (t.order_id, t.ticket_id)):
        if ticket.paid_at is None or (not ticket.sold and not ticket.net and not ticket.refunded):
            continue
        entry = found[ticket.day, city_of_event(ticket.event_id), ticket.event_id, ticket.currency]
        entry[0] += ticket.sold
        entry[1] += ticket.net
    return {key: tuple(entry) for key, entry in found.items()}


def ads_daily() -> dict[tuple[date, str], tuple[int, int, Decimal]]:
    """(d, city) → (impressions, clicks, spend)."""
    found: dict = defaultdict(lambda: [0, 0, Decimal(0)])
    for row in latest(spends(), lambda s: (s.d, s.account, s.ad_id)):
        if row.is_deleted:
            continue
        entry = found[row.d, ALIASES.get(row.city, row.city) or NOWHERE]
        entry[0] += row.impressions
        entry[1] += row.clicks
        entry[2] += row.spend
    return {key: tuple(entry) for key, entry in found.items()}


def roi_daily() -> dict[tuple[date, str], tuple]:
    """(d, city) → (revenue, tickets, impressions, clicks, spend, roas, cpc, cpt)."""
    sums: dict = defaultdict(lambda: [Decimal(0), 0, 0, 0, Decimal(0)])
    for (day, city, _, currency), (sold, revenue) in sales_daily().items():
        if currency == "RUB":
            sums[day, city][0] += revenue
            sums[day, city][1] += sold
    for key, (impressions, clicks, spend) in ads_daily().items():
        sums[key][2] += impressions
        sums[key][3] += clicks
        sums[key][4] += spend
    return {key: (*entry, *_ratios(*entry)) for key, entry in sums.items()}


def _ratios(revenue: Decimal, sold: int, _: int, clicks: int, spend: Decimal) -> tuple:
    return (
        float(revenue) / float(spend) if spend else None,
        float(spend) / clicks if clicks else None,
        float(spend) / sold if sold else None,
    )
