"""Records of the optional datasets. Their fields are little documented: only what has a column is named, most may lack.

A barcode is counted and never kept: its struct has one field, whether it was checked.
"""

from typing import Any

import msgspec
from msgspec import Struct

from qtickets_api.records import Count, Id, Moment, Paging


class Seat(Struct):
    """One seat, or one standing area with many places. Quantities come only when `select` names them."""

    max_quantity: Count | None = None
    free_quantity: Count | None = None
    ordered_quantity: Count | None = None
    payed_quantity: Count | None = None
    disabled: bool | int | None = None
    price: float | None = None
    currency_id: str | None = None


class Seats(Struct):
    """The flat answer: a dict by seat id; `[]` for a hall without seats."""

    data: dict[str, Seat] | list[Any]


class Discount(Struct):
    """A discount rule."""

    id: Id
    name: str | dict[str, Any] | None = None
    type: str | int | None = None
    value: float | None = None
    is_active: bool | int | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    deleted_at: Moment | None = None


class PromoCode(Struct):
    """A promo code."""

    id: Id
    code: str | int | None = None
    discount_id: int | None = None
    event_id: int | None = None
    is_active: bool | int | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    deleted_at: Moment | None = None


class ColorTheme(Struct):
    """Shades by which a hall plan shows its prices; the colours are kept as they come."""

    id: Id
    name: str | dict[str, Any] | None = None
    colors: msgspec.Raw = msgspec.Raw(b"")
    updated_at: Moment | None = None


class BarcodeMark(Struct):
    """A barcode without the barcode."""

    checked_at: Any = None


class DiscountsPage(Struct):
    """A page of discounts."""

    data: list[Discount]
    paging: Paging


class PromoCodesPage(Struct):
    """A page of promo codes."""

    data: list[PromoCode]
    paging: Paging


class ColorThemes(Struct):
    """All colour themes; they are not paged."""

    data: list[ColorTheme]
