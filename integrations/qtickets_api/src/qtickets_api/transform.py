"""From orders to columns of staging. Pure functions: no clock, no network.

In a column a moment is seconds and a day days from 1970, money is whole kopecks: what the table keeps. Orders are
taken a batch at a time, each column in one go.

Revenue rules (the API's documents leave the combinations open, so they are fixed here and tested one by one).
A ticket of a **paid** order:

| deleted | refunded | is_sold | net_revenue |
|---|---|---|---|
| no | no | 1 | price |
| no | yes | 0 | price − refunded_amount (0 where absent) |
| yes | no | 0 | 0 |
| yes | yes | 0 | price − refunded_amount; without an amount the deduction that was kept (0 where absent) |

A ticket of an order that is not paid: is_sold 0, net_revenue 0. "Refunded" means `refunded_at` is set or
`refunded_amount` is above 0. A deleted order makes its tickets deleted. A refund lowers the revenue of the
day of the sale, not of the day of the refund.

Fractions of a kopeck (a discount of 10 % makes them) are rounded half up. Prices and net revenue are shared out
over the tickets of an order so that they sum up to the order's exact sum, rounded once; what a ticket's revenue
lost by it stands in `revenue_remainder`.

An order's own price is stored as it was sent, or as the sum of its tickets where it is absent or unreadable; one
that differs from that sum is counted among the degraded fields.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

import msgspec
from msgspec.structs import astuple
from zakaz_common.columns import Columns, by_column
from zakaz_common.money import FRACTION, shared_out
from zakaz_common.moscow import moscow_day_number
from zakaz_common.ranks import UnreadableError
from zakaz_common.run_journal import DegradedField, RejectedRecord
from zakaz_common.text import DAMAGED_TEXT, clean_text, is_damaged, tolerant
from zakaz_common.utm import Utm, clean_utm
from zakaz_common.versions import version_of

from qtickets_api.records import Basket, Order, UtmRecord
from qtickets_api.rows.families import Family
from qtickets_api.rows.readers import (
    KOPECKS,
    Note,
    loose_money,
    loose_seconds,
    money,
    seconds,
)

ORDER_KEYS = ("order_id",)
TICKET_KEYS = ("order_id", "ticket_id")

MONEY = frozenset(
    ["price", "original_price", "discount_value", "service_fee", "refunded_amount", "refund_deduction", "net_revenue"]
) | {"min_price", "max_price", "revenue_remainder"}
"""Columns whose values are whole units of the column's last decimal: kopecks, and millionths of a rouble."""

_UTM_COLUMNS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_NO_UTM = Utm()
_MILLIONTHS = 10_000  # of a rouble in a kopeck
DIFFERS = "it differs from the sum of the tickets"
Amount = TypeVar("Amount", int, Decimal)
_decode_utm = tolerant(msgspec.json.Decoder(UtmRecord | list[Any] | None).decode)


def order_family(orders: Sequence[Order], scan: int, rejected: Iterable[RejectedRecord] = ()) -> Family:
    """Orders and their tickets; `scan` is the read they come from (`versions`).

    Orders that cannot be loaded are added to `rejected`, whole.
    """
    KOPECKS.forget()
    wrong: list[RejectedRecord] = []
    try:
        family = _orders(orders, scan)
    except UnreadableError:  # rare: look for the wrong ones, one by one
        fine = []
        for order in orders:
            try:
                _orders([order], scan)
                fine.append(order)
            except UnreadableError as error:
                wrong.append(RejectedRecord("orders", str(order.id), error.path, error.reason))
        family = _orders(fine, scan)
    family.rejected = [*rejected, *wrong]
    return family


def _orders(every_version: Sequence[Order], scan: int) -> Family:
    orders = {order.id: order for order in every_version}
    if len(orders) < len(every_version):
        now = datetime.fromtimestamp(scan, UTC)
        orders = {order.id: order for order in sorted(every_version, key=lambda order: order.updated_at or now)}
    order = _fields(Order, orders.values())
    degraded: list[DegradedField] = []

    def note(path: str) -> Note:
        """For a field of orders."""
        return lambda at, reason: degraded.append(DegradedField("orders", str(order["id"][at]), path, reason))

    updated_at = loose_seconds(order["updated_at"], note("$.updated_at"))
    created_at = seconds(order["created_at"], "$.created_at")
    paid_at = seconds(order["payed_at"], "$.payed_at")
    order_deleted_at = seconds(order["deleted_at"], "$.deleted_at")
    version = [version_of(scan, changed) for changed in updated_at]
    changed_at = [made if at is None else at for at, made in zip(updated_at, created_at, strict=True)]
    sold_on = [
        moscow_day_number(made if paid is None else paid) for made, paid in zip(created_at, paid_at, strict=True)
    ]
    baskets = list(map(_items, order["baskets"]))
    owners = [position for position, found in enumerate(baskets) for _ in found]

    def of_order(values: Sequence[Any]) -> list[Any]:
        """A column of orders, as a column of their tickets."""
        return list(map(values.__getitem__, owners))

    def note_ticket(path: str) -> Note:
        """For a field of tickets."""
        of_owner = note(path)
        return lambda at, reason: of_owner(owners[at], reason)

    ticket = _fields(Basket, chain.from_iterable(baskets))
    if (odd := next((at for at, quantity in enumerate(ticket["quantity"]) if quantity != 1), None)) is not None:
        raise UnreadableError(f"$.baskets[{odd}].quantity", "the quantity of a ticket is not 1")
    paid, ticket_version = of_order(order["payed"]), of_order(version)
    price = money(ticket["price"], "$.baskets[{}].price")
    refunded = money(ticket["refunded_amount"], "$.baskets[{}].refunded_amount")
    if (odd := next((at for at, back in enumerate(refunded) if back is not None and back < 0), None)) is not None:
        # Some services print what was given back with a minus: subtracted, it would count twice.
        raise UnreadableError(f"$.baskets[{odd}].refunded_amount", "a refund below 0")
    deduction = money(ticket["refunded_deduction_amount"], "$.baskets[{}].refunded_deduction_amount")
    refunded_at = seconds(ticket["refunded_at"], "$.baskets[{}].refunded_at")
    deleted_at = [
        whole if own is None else own
        for own, whole in zip(
            seconds(ticket["deleted_at"], "$.baskets[{}].deleted_at"), of_order(order_deleted_at), strict=True
        )
    ]
    is_deleted = [at is not None for at in deleted_at]
    is_refunded = [at is not None or (sum_ or 0) > 0 for at, sum_ in zip(refunded_at, refunded, strict=True)]
    earned = list(map(revenue, paid, is_deleted, is_refunded, price, refunded, deduction))
    remainder = [0] * len(owners)
    if KOPECKS.fractions:
        _share_fractions(ticket, owners, paid, is_deleted, is_refunded, price, earned, remainder, note_ticket)
    original = loose_money(ticket["original_price"], note_ticket("$.baskets[].original_price"))
    children = {
        "order_id": of_order(order["id"]),
        "ticket_id": ticket["id"],
        "event_id": of_order(order["event_id"]),
        "show_id": _or_zero(ticket["show_id"]),
        "is_paid": paid,
        "sale_date": of_order(sold_on),
        "price": price,
        "original_price": _or_zero(original),
        "discount_value": _or_zero(loose_money(ticket["discount_value"], note_ticket("$.baskets[].discount_value"))),
        "service_fee": _or_zero(
            loose_money(ticket["service_fee_amount"], note_ticket("$.baskets[].service_fee_amount"))
        ),
        "refunded_at": refunded_at,
        "refunded_amount": _or_zero(refunded),
        "refund_deduction": _or_zero(deduction),
        "deleted_at": deleted_at,
        **by_column(("is_sold", "net_revenue"), earned),
        "revenue_remainder": remainder,
        "currency": of_order(order["currency_id"]),
        "updated_at": of_order(changed_at),
        "_ver": ticket_version,
    }
    parents = {
        "order_id": order["id"],
        "event_id": order["event_id"],
        "is_paid": order["payed"],
        "paid_at": paid_at,
        "created_at": created_at,
        "updated_at": changed_at,
        "deleted_at": order_deleted_at,
        "price": _total(order["price"], price, owners, note("$.price")),
        "original_price": _total(order["original_price"], original, owners, note("$.original_price")),
        "currency": order["currency_id"],
        "is_reserved": list(map(bool, order["reserved"])),
        "payment_type_id": list(map(_number, order["payment_type_id"])),
        "discount_id": order["discount_id"],
        "promo_code_id": order["promo_code_id"],
        **by_column(_UTM_COLUMNS, _utms(order["utm"], note)),
        "_ver": version,
    }
    return Family(parents, children, degraded=degraded)


def _share_fractions(
    ticket: Columns,
    owners: Sequence[int],
    paid: Sequence[bool],
    is_deleted: Sequence[bool],
    is_refunded: Sequence[bool],
    price: list[int],
    earned: list[tuple[bool, int]],
    remainder: list[int],
    note: Callable[[str], Note],
) -> None:
    """Round the tickets of orders with fractions of a kopeck together; changes the last three columns in place."""
    odd: set[int] = set()
    for field in ("price", "refunded_amount", "refunded_deduction_amount"):
        for at, sent in enumerate(ticket[field]):
            if sent in KOPECKS.fractions:
                note(f"$.baskets[].{field}")(at, FRACTION)
                odd.add(owners[at])
    tickets: dict[int, list[int]] = {}
    for at, owner in enumerate(owners):
        if owner in odd:
            tickets.setdefault(owner, []).append(at)
    for rows in tickets.values():
        exact_prices = [KOPECKS.exact(ticket["price"][at]) for at in rows]
        exact_net: list[Decimal] = []
        for at, exact_price in zip(rows, exact_prices, strict=True):
            refunded, kept = (
                None if ticket[name][at] is None else KOPECKS.exact(ticket[name][at])
                for name in ("refunded_amount", "refunded_deduction_amount")
            )
            exact_net.append(
                Decimal(revenue(paid[at], is_deleted[at], is_refunded[at], exact_price, refunded, kept)[1])
            )
        for at, whole in zip(rows, shared_out(exact_prices), strict=True):
            price[at] = whole
        for at, exact, whole in zip(rows, exact_net, shared_out(exact_net), strict=True):
            earned[at] = (earned[at][0], whole)
            remainder[at] = round((exact - whole) * _MILLIONTHS)


def _total(sent: Sequence[Any], tickets: Sequence[int | None], owners: Sequence[int], note: Note) -> list[int]:
    """An order's own sum, or that of its tickets where it has none; one that differs is noted."""
    found = loose_money(sent, note)
    sums: list[Any] = [0] * len(sent)
    for owner, amount in zip(owners, tickets, strict=True):
        sums[owner] += amount or 0
    if found == sums:
        return sums
    incomplete = {owner for owner, amount in zip(owners, tickets, strict=True) if amount is None}
    for at, (own, summed) in enumerate(zip(found, sums, strict=True)):
        if own is None:
            found[at] = summed
        elif own != summed and at not in incomplete:
            note(at, DIFFERS)
    return found


def revenue(
    paid: bool, deleted: bool, refunded: bool, price: Amount, refunded_amount: Amount | None, deduction: Amount | None
) -> tuple[bool, Amount]:
    """Whether a ticket counts as sold, and its net revenue in kopecks: the table at the top of this module."""
    nothing = price - price
    if not paid:
        return False, nothing
    if refunded:
        if refunded_amount is None and deleted:
            return False, deduction or nothing
        return False, price - (refunded_amount or nothing)
    return (False, nothing) if deleted else (True, price)


def _utms(sent: Sequence[msgspec.Raw], note: Callable[[str], Note]) -> list[Utm]:
    found = []
    for at, raw in enumerate(sent):
        utm, wrong = _utm(bytes(raw))
        for path, reason in wrong:
            note(path)(at, reason)
        found.append(utm)
    return found


@lru_cache(maxsize=16_384)  # a season has some hundred links, and as many orders as it likes
def _utm(sent: bytes) -> tuple[Utm, tuple[tuple[str, str], ...]]:
    """The parameters, and the places of what was unreadable, each with its reason."""
    try:
        value = _decode_utm(sent)
    except msgspec.DecodeError as error:
        return _NO_UTM, (("$.utm", str(error).partition(" - at ")[0]),)
    if not isinstance(value, UtmRecord):
        return _NO_UTM, ()
    wrong = tuple(
        (f"$.utm.{name}", reason)
        for name, own in zip(value.__struct_fields__, astuple(value), strict=True)
        if (reason := _wrong_utm(own))
    )
    return Utm(*map(clean_utm, astuple(value))), wrong


def _wrong_utm(value: object) -> str:
    if isinstance(value, str):
        return DAMAGED_TEXT if is_damaged(value, clean_text(value)) else ""
    return "a text was expected" if isinstance(value, bool) or (isinstance(value, list | dict) and value) else ""


def _number(value: int | str | None) -> int | None:
    """An id as a number; the API sends words for some (`payment_type_id`), which have no column."""
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) < 20 else None
    return value if value is not None and 0 <= value < 2**63 else None


def _items(value: list[Any] | dict[str, Any]) -> list[Any]:
    return value if isinstance(value, list) else list(value.values())


def _or_zero(values: Sequence[int | None]) -> list[int]:
    return [value or 0 for value in values]


def _fields(kind: type[msgspec.Struct], records: Iterable[msgspec.Struct]) -> Columns:
    """The fields of records as columns."""
    return by_column(kind.__struct_fields__, list(map(astuple, records)))
