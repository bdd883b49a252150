"""The objects of a season. Money is whole kopecks, moments are epoch seconds, days are Moscow days."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlsplit

from api_sandbox.season.cities import City


@dataclass(slots=True)
class Show:
    """One date of an event. ``tiers`` are ticket prices, ``seats_taken`` counts seat numbers ever given out.

    ``price_form`` is how the API shows the least and the greatest price: an ``object`` as recorded, a ``number`` as
    documented, or ``null``.
    """

    id: int
    event_id: int
    name: str
    starts_at: int
    finishes_at: int
    sale_starts_at: int
    tiers: tuple[int, ...]
    admission: bool
    created_at: int
    updated_at: int
    deleted_at: int | None = None
    seats_taken: int = 0
    price_form: str = "object"

    @property
    def shown_prices(self) -> tuple[int, int] | None:
        """(least, greatest) price of a ticket as the API tells it; None where it tells none."""
        return None if self.price_form == "null" else (min(self.tiers), max(self.tiers))


@dataclass(slots=True)
class Event:
    """One programme in one city; ``city_raw`` is the spelling the organiser typed.

    An ``exhibition`` has one show that lasts for months: it opens on ``show_day`` and closes on ``last_day``, the last
    day of its sales too; for other events the two differ by their further shows. ``multilingual`` names are objects;
    an event ``without_city`` is answered with ``"city": []``.
    """

    id: int
    name: str
    city: City
    city_raw: str
    place_name: str
    is_active: bool
    created_at: int
    updated_at: int
    sale_day: int
    show_day: int
    last_day: int
    appeal: float
    exhibition: bool = False
    multilingual: bool = False
    without_city: bool = False
    shows: list[Show] = field(default_factory=list)
    deleted_at: int | None = None


@dataclass(slots=True)
class Ticket:
    """One basket line. ``price`` is what the buyer paid for it; a refund returns ``refunded_amount`` of it."""

    id: int
    show_id: int
    seat_id: str
    seat_name: str
    original_price: int
    discount: int
    service_fee: int
    created_at: int
    updated_at: int
    checked_at: int | None = None
    deleted_at: int | None = None
    refunded_at: int | None = None
    refunded_amount: int | None = None
    refund_deduction: int | None = None

    @property
    def price(self) -> int:
        return self.original_price - self.discount


@dataclass(slots=True)
class Order:
    """One order; ``utm`` is None where the API answers ``[]``, ``updated_at`` where the source forgot it.

    ``utm_in_cp1251`` tells that the API answers ``utm`` in percent codes of that alphabet.
    """

    id: int
    event_id: int
    client_id: int
    payed: bool
    created_at: int
    updated_at: int | None
    payed_at: int | None
    deleted_at: int | None
    payment_type: str
    discount_id: int | None
    promo_code_id: int | None
    utm: dict[str, str] | None
    tickets: list[Ticket]
    utm_in_cp1251: bool = False

    @property
    def price(self) -> int:
        """Sum of all its tickets, the deleted ones too, as the live service counts it."""
        return sum(ticket.price for ticket in self.tickets)


@dataclass(slots=True)
class Discount:
    """A percentage off, by rule (``code`` empty) or by a promo code of the rule ``rule_id``."""

    id: int
    name: str
    percent: int
    code: str
    created_at: int
    rule_id: int | None = None
    active_from: int | None = None
    active_to: int | None = None
    deleted_at: int | None = None
    event_ids: tuple[int, ...] = ()

    @property
    def updated_at(self) -> int:
        return self.created_at if self.deleted_at is None else self.deleted_at


@dataclass(slots=True)
class DayStat:
    """What a banner did on one day; ``spent`` is net of VAT."""

    shows: int
    clicks: int
    goals: int
    spent: int


@dataclass(slots=True)
class Banner:
    """One advertisement with its days (only days with impressions or an explicit zero are kept)."""

    id: int
    group_id: int
    name: str
    status: str
    url: str
    created_at: int
    updated_at: int
    days: dict[date, DayStat] = field(default_factory=dict)


@dataclass(slots=True)
class AdGroup:
    """``utm`` is the text VK appends to links of the group when ``enable_utm`` is set."""

    id: int
    plan_id: int
    name: str
    status: str
    enable_utm: bool
    utm: str
    created_at: int
    updated_at: int


@dataclass(slots=True)
class AdPlan:
    """A campaign of one cabinet; ``event_id`` is the generator's own knowledge, the API does not show it."""

    id: int
    account: str
    name: str
    status: str
    event_id: int | None
    created_at: int
    updated_at: int


@dataclass(slots=True)
class Account:
    """One advertising cabinet and what it owns; all its money is in ``currency``.

    ``vendor`` is the name of the source that loads it. What differs from vendor to vendor is a method: a vendor whose
    links are marked in another way than by the link itself has a class of its own.
    """

    name: str
    user_id: int
    vendor: str
    currency: str = "RUB"
    plans: dict[int, AdPlan] = field(default_factory=dict)
    groups: dict[int, AdGroup] = field(default_factory=dict)
    banners: dict[int, Banner] = field(default_factory=dict)

    @property
    def email(self) -> str:
        """The address its owner signed up with; personal, like that of a buyer."""
        return f"owner.{self.user_id}@example.com"

    def arrival(self, banner: Banner) -> str:
        """The query with which a click on the banner arrives."""
        return urlsplit(banner.url).query

    def marks(self, banner: Banner) -> tuple[str, ...]:
        """Queries in which a hand-written mark of the banner may stand, the decisive one first."""
        return (urlsplit(banner.url).query,)

    def settle(self) -> None:
        """What the vendor makes of the days once the budget is spread over them."""
