"""What one record of the API is: strict types for the fields the warehouse needs, and no others.

Fields that are not named here are skipped by the decoder without being built: buyers, cards, barcodes, secret
links and the huge hall plans never become objects. PHP's unions are spelt out: an empty map arrives as `[]`,
a list with holes as an object. A time must carry its offset; money is decoded from the digits of the JSON
number.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Moment = Annotated[datetime, Meta(tz=True)]


_NULL = msgspec.Raw(b"null")


class UtmRecord(Struct, gc=False):
    """UTM parameters as sent; numbers and nulls occur."""

    utm_source: Any = None
    utm_medium: Any = None
    utm_campaign: Any = None
    utm_content: Any = None
    utm_term: Any = None


class Basket(Struct, gc=False):
    """One ticket of an order."""

    id: Id
    show_id: Id | None
    quantity: int
    price: float
    original_price: float
    discount_value: float | None = None
    service_fee_amount: float | None = None
    deleted_at: Moment | None = None
    refunded_at: Moment | None = None
    refunded_amount: float | None = None
    refunded_deduction_amount: float | None = None


class Order(Struct, gc=False):
    """One order with its tickets.

    `payment_type_id` is a number or a word. `utm` is checked and cleaned once for all orders that carry the same.
    """

    id: Id
    event_id: Id
    payed: bool
    created_at: Moment
    updated_at: Moment
    price: float
    original_price: float
    currency_id: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    baskets: list[Basket] | dict[str, Basket]
    payed_at: Moment | None = None
    deleted_at: Moment | None = None
    reserved: bool | int = False
    payment_type_id: int | str | None = None
    discount_id: int | None = None
    promo_code_id: int | None = None
    utm: msgspec.Raw = _NULL


class City(Struct):
    """The city of an event."""

    name: str | dict[str, Any]
    id: int | None = None
    timezone: str | None = None


class Show(Struct):
    """One show of an event."""

    id: Id
    name: str | dict[str, Any] | None = None
    is_active: int | bool | None = None
    start_date: Moment | None = None
    finish_date: Moment | None = None
    min_price: float | None = None
    max_price: float | None = None
    updated_at: Moment | None = None
    deleted_at: Moment | None = None


class Event(Struct):
    """One event. `name` is an object of languages in multi-language accounts."""

    id: Id
    name: str | dict[str, Any]
    created_at: Moment
    is_active: int | bool = 0
    updated_at: Moment | None = None
    deleted_at: Moment | None = None
    currency_id: str | None = None
    place_name: str | dict[str, Any] | None = None
    city_id: int | None = None
    city: City | list[Any] | None = None
    shows: list[Show] | dict[str, Show] = []


class Paging(Struct):
    """Where a page stands. `total` grows while one pages."""

    perPage: Annotated[int, Meta(ge=1, le=10_000)]
    currentPage: Annotated[int, Meta(ge=1)]
    total: Count


_ORDER_FIELDS = """
id uniqid payed payed_at created_at updated_at deleted_at client_id client site_id site payment_id
payment_type_id payment_card_number payment_url cancel_url access_code_id discount_id promo_code_id
reserved reserved_to event_id price original_price currency_id utm custom fields integrations refunds baskets
"""
_EVENT_FIELDS = """
id is_active name currency_id place_name place_address place_description site_url city_id city created_at
updated_at deleted_at shows scheme_properties
"""
KNOWN_FIELDS = {"orders": frozenset(_ORDER_FIELDS.split()), "events": frozenset(_EVENT_FIELDS.split())}
"""Fields the service is known to send. Another one is warned of, by name: it may matter."""


class Envelope(Struct):
    """A page before its records are judged one by one."""

    data: list[msgspec.Raw]
    paging: Paging


class OrdersPage(Struct):
    """A page of orders, all well formed."""

    data: list[Order]
    paging: Paging


class OrderAnswer(Struct):
    """One order by its id."""

    data: Order


class EventsPage(Struct):
    """A page of events, all well formed."""

    data: list[Event]
    paging: Paging
