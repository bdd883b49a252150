"""What one record of the API is: the fields the warehouse needs, each with its rank, and no others.

`Identity` fields decide over a figure: unreadable, the record is rejected. `Descriptive` ones do not: unreadable,
they are empty, which is counted. Fields that are not named here are skipped by the decoder without being built:
buyers, cards, barcodes, secret links and the huge hall plans never become objects. PHP's unions are spelt out: an
empty map arrives as `[]`, a list with holes as an object, a price as a number or as an object of its own. A time
must carry its offset; money is read from the digits of the JSON number, or from text.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from zakaz_common.money import Sent
from zakaz_common.ranks import Descriptive, Identity

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Moment = Annotated[datetime, Meta(tz=True)]
Money = float | str
Text = str | dict[str, Any] | None
"""A text, or an object of languages in multi-language accounts."""

_NULL = msgspec.Raw(b"null")


class UtmRecord(Struct, gc=False):
    """UTM parameters as sent; numbers and nulls occur."""

    utm_source: Descriptive[Any] = None
    utm_medium: Descriptive[Any] = None
    utm_campaign: Descriptive[Any] = None
    utm_content: Descriptive[Any] = None
    utm_term: Descriptive[Any] = None


class Basket(Struct, gc=False):
    """One ticket of an order."""

    id: Identity[Id]
    quantity: Identity[int]
    price: Identity[Money]
    deleted_at: Identity[Moment | None] = None
    refunded_at: Identity[Moment | None] = None
    refunded_amount: Identity[Sent] = None
    refunded_deduction_amount: Identity[Sent] = None
    show_id: Descriptive[Id | None] = None
    original_price: Descriptive[Sent] = None
    discount_value: Descriptive[Sent] = None
    service_fee_amount: Descriptive[Sent] = None


class Order(Struct, gc=False):
    """One order with its tickets.

    `payment_type_id` is a number or a word. `utm` is checked and cleaned once for all orders that carry the same.
    """

    id: Identity[Id]
    event_id: Identity[Id]
    payed: Identity[bool]
    created_at: Identity[Moment]
    currency_id: Identity[Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]]
    baskets: Identity[list[Basket] | dict[str, Basket]]
    payed_at: Identity[Moment | None] = None
    deleted_at: Identity[Moment | None] = None
    updated_at: Descriptive[Moment | None] = None
    price: Descriptive[Sent] = None
    original_price: Descriptive[Sent] = None
    reserved: Descriptive[bool | int | None] = False
    payment_type_id: Descriptive[int | str | None] = None
    discount_id: Descriptive[Count | None] = None
    promo_code_id: Descriptive[Count | None] = None
    utm: Descriptive[msgspec.Raw] = _NULL


class City(Struct):
    """The city of an event."""

    name: Descriptive[Text] = None
    id: Descriptive[Count | None] = None
    timezone: Descriptive[str | None] = None


class PriceObject(Struct):
    """A price of a show as the live service sends it."""

    default_price: Descriptive[Sent] = None


class Show(Struct):
    """One show of an event."""

    id: Identity[Id]
    name: Descriptive[Text] = None
    is_active: Descriptive[int | bool | None] = None
    start_date: Descriptive[Moment | None] = None
    finish_date: Descriptive[Moment | None] = None
    min_price: Descriptive[PriceObject | Sent] = None
    max_price: Descriptive[PriceObject | Sent] = None
    updated_at: Descriptive[Moment | None] = None
    deleted_at: Descriptive[Moment | None] = None


class Event(Struct):
    """One event."""

    id: Identity[Id]
    name: Descriptive[Text] = None
    is_active: Descriptive[int | bool | None] = 0
    created_at: Descriptive[Moment | None] = None
    updated_at: Descriptive[Moment | None] = None
    deleted_at: Descriptive[Moment | None] = None
    currency_id: Descriptive[str | None] = None
    place_name: Descriptive[Text] = None
    city_id: Descriptive[Count | None] = None
    city: Descriptive[City | list[Any] | None] = None
    shows: Descriptive[list[Show] | dict[str, Show]] = []


class Paging(Struct):
    """Where a page stands. `total` grows while one pages."""

    perPage: Annotated[int, Meta(ge=1, le=10_000)]
    currentPage: Annotated[int, Meta(ge=1)]
    total: Count


_ORDER_FIELDS = """
id uniqid payed payed_at created_at updated_at deleted_at client_id client site_id site payment_id
payment_type_id payment_card_number payment_url cancel_url access_code_id discount_id promo_code_id
reserved reserved_to event_id price original_price currency_id utm custom fields integrations refunds baskets
basket_user_id backend_user_id reserve_extended
"""
_EVENT_FIELDS = """
id is_active name currency_id place_name place_address place_description site_url city_id city created_at
updated_at deleted_at shows scheme_properties scheme_id description external_id ticket_id mail_template_id age
payments poster event_type_id ticket mail_template slug place_coordinates url
"""
KNOWN_FIELDS = {"orders": frozenset(_ORDER_FIELDS.split()), "events": frozenset(_EVENT_FIELDS.split())}
"""Fields the service is known to send. Another one is warned of, by name: it may matter."""


class Envelope(Struct):
    """A page before its records are judged one by one."""

    data: list[msgspec.Raw] | dict[str, msgspec.Raw]
    paging: Any = None


class OrdersPage(Struct):
    """A page of orders, all well formed."""

    data: list[Order]
    paging: Paging


class EventsPage(Struct):
    """A page of events, all well formed."""

    data: list[Event]
    paging: Paging
