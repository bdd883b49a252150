"""Records of the optional datasets, each field with its rank. They are little documented: only what has a column is
named, most may lack.

A barcode is counted and never kept: its struct has one field, whether it was checked.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from zakaz_common.money import Sent
from zakaz_common.ranks import Descriptive, Identity

from qtickets_api.records import Count, Id, Moment, Paging, Text

Places = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""Of one seat or area: those of a whole hall still fit a column."""


class Seat(Struct):
    """One seat, or one standing area with many places. Quantities come only when `select` names them."""

    max_quantity: Identity[Places | None] = None
    free_quantity: Identity[Places | None] = None
    ordered_quantity: Identity[Places | None] = None
    payed_quantity: Identity[Places | None] = None
    disabled: Identity[bool | int | None] = None
    price: Descriptive[Sent] = None
    currency_id: Descriptive[str | None] = None


class Seats(Struct):
    """The flat answer: a dict by seat id; `[]` for a hall without seats."""

    data: Identity[dict[str, Seat] | list[Seat]]


class Discount(Struct):
    """A discount rule."""

    id: Identity[Id]
    name: Descriptive[Text] = None
    type: Descriptive[str | int | None] = None
    value: Descriptive[Sent] = None
    is_active: Descriptive[bool | int | None] = None
    created_at: Descriptive[Moment | None] = None
    updated_at: Descriptive[Moment | None] = None
    deleted_at: Descriptive[Moment | None] = None


class PromoCode(Struct):
    """A promo code."""

    id: Identity[Id]
    code: Descriptive[str | int | None] = None
    discount_id: Descriptive[Count | None] = None
    event_id: Descriptive[Count | None] = None
    is_active: Descriptive[bool | int | None] = None
    created_at: Descriptive[Moment | None] = None
    updated_at: Descriptive[Moment | None] = None
    deleted_at: Descriptive[Moment | None] = None


class ColorTheme(Struct):
    """Shades by which a hall plan shows its prices; the colours are kept as they come."""

    id: Identity[Id]
    name: Descriptive[Text] = None
    colors: Descriptive[msgspec.Raw] = msgspec.Raw(b"")
    updated_at: Descriptive[Moment | None] = None


class BarcodeMark(Struct):
    """A barcode without the barcode."""

    checked_at: Descriptive[Any] = None


class DiscountsPage(Struct):
    """A page of discounts."""

    data: list[Discount]
    paging: Paging


class PromoCodesPage(Struct):
    """A page of promo codes."""

    data: list[PromoCode]
    paging: Paging
