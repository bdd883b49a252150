"""From records of the API to columns of staging. Pure functions: no clock, no network.

In a column a moment is seconds and a day days from 1970, money is whole kopecks: what the table keeps. Orders are
taken a batch at a time, each column in one go; events are few and are taken one by one.

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
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
from msgspec.structs import astuple
from zakaz_common.city import UNATTRIBUTED, CityDirectory
from zakaz_common.columns import Columns, Row, by_column
from zakaz_common.moscow import moscow_day_number, unix_seconds
from zakaz_common.utm import Utm, clean_utm
from zakaz_common.warehouse import RejectedRecord

from qtickets_api.records import Basket, City, Event, Order, Show, UtmRecord

ORDER_KEYS = ("order_id",)
TICKET_KEYS = ("order_id", "ticket_id")
EVENT_KEYS = ("event_id",)
EVENT_COLUMNS = (
    "event_id", "name", "place_name", "city_id", "city_raw", "city", "timezone", "currency", "is_active",
    "created_at", "updated_at", "deleted_at", "_ver",
)  # fmt: skip
SHOW_KEYS = ("event_id", "show_id")
SHOW_COLUMNS = (
    "event_id", "show_id", "name", "is_active", "starts_at", "finishes_at", "timezone", "min_price",
    "max_price", "updated_at", "deleted_at", "_ver",
)  # fmt: skip

MONEY = frozenset(
    ["price", "original_price", "discount_value", "service_fee", "refunded_amount", "refund_deduction", "net_revenue"]
) | {"min_price", "max_price"}
"""Columns whose values are whole kopecks in the rows made here."""

_UTM_COLUMNS = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_MOST = 1e13
_PRICES = 16_384
_NO_UTM = Utm()
_FIRST_SECOND = 31_536_000  # 1971-01-01: no zone takes it below what DateTime keeps
_LAST_SECOND = 4_291_747_200  # 2106-01-01
_decode_utm = msgspec.json.Decoder(UtmRecord | list[Any] | None).decode


class RecordError(ValueError):
    """A record is well formed but cannot be loaded; `path` says where."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


@dataclass(slots=True)
class Family:
    """Parents (orders, events) with all their children (tickets, shows), one version of each parent.

    Of two versions of a parent the newer counts, of equal ones the later read: the children of an older version
    must not appear beside those of a newer one.
    """

    parents: Columns
    children: Columns
    rejected: list[RejectedRecord] = field(default_factory=list)


def order_family(orders: Sequence[Order], rejected: Iterable[RejectedRecord] = ()) -> Family:
    """Orders and their tickets. Orders that cannot be loaded are added to `rejected`, whole."""
    wrong: list[RejectedRecord] = []
    try:
        family = _orders(orders)
    except RecordError:  # rare: look for the wrong ones, one by one
        fine = []
        for order in orders:
            try:
                _orders([order])
                fine.append(order)
            except RecordError as error:
                wrong.append(RejectedRecord("orders", str(order.id), error.path, error.reason))
        family = _orders(fine)
    family.rejected = [*rejected, *wrong]
    return family


def _orders(every_version: Sequence[Order]) -> Family:
    orders = {order.id: order for order in every_version}
    if len(orders) < len(every_version):
        orders = {order.id: order for order in sorted(every_version, key=lambda order: order.updated_at)}
    order = _fields(Order, orders.values())
    version = _seconds(order["updated_at"], "$.updated_at")
    created_at = _seconds(order["created_at"], "$.created_at")
    paid_at = _seconds(order["payed_at"], "$.payed_at")
    deleted_at = _seconds(order["deleted_at"], "$.deleted_at")
    parents = {
        "order_id": order["id"],
        "event_id": order["event_id"],
        "is_paid": order["payed"],
        "paid_at": paid_at,
        "created_at": created_at,
        "updated_at": version,
        "deleted_at": deleted_at,
        "price": _money(order["price"], "$.price"),
        "original_price": _money(order["original_price"], "$.original_price"),
        "currency": order["currency_id"],
        "is_reserved": list(map(int, order["reserved"])),
        "payment_type_id": _numbers(order["payment_type_id"]),
        "discount_id": _numbers(order["discount_id"]),
        "promo_code_id": _numbers(order["promo_code_id"]),
        **by_column(_UTM_COLUMNS, list(map(_utm, map(bytes, order["utm"])))),
        "_ver": version,
    }
    sold_on = [
        moscow_day_number(made if paid is None else paid) for made, paid in zip(created_at, paid_at, strict=True)
    ]
    baskets = list(map(_items, order["baskets"]))
    owners = [position for position, found in enumerate(baskets) for _ in found]

    def of_order(values: Sequence[Any]) -> list[Any]:
        """A column of orders, as a column of their tickets."""
        return list(map(values.__getitem__, owners))

    ticket = _fields(Basket, chain.from_iterable(baskets))
    if (odd := next((at for at, quantity in enumerate(ticket["quantity"]) if quantity != 1), None)) is not None:
        raise RecordError(f"$.baskets[{odd}].quantity", "the quantity of a ticket is not 1")
    paid, ticket_version = of_order(order["payed"]), of_order(version)
    price = _money(ticket["price"], "$.baskets[{}].price")
    refunded = _money(ticket["refunded_amount"], "$.baskets[{}].refunded_amount")
    deduction = _money(ticket["refunded_deduction_amount"], "$.baskets[{}].refunded_deduction_amount")
    refunded_at = _seconds(ticket["refunded_at"], "$.baskets[{}].refunded_at")
    deleted_at = [
        whole if own is None else own
        for own, whole in zip(
            _seconds(ticket["deleted_at"], "$.baskets[{}].deleted_at"), of_order(deleted_at), strict=True
        )
    ]
    is_deleted = [at is not None for at in deleted_at]
    is_refunded = [at is not None or (sum_ or 0) > 0 for at, sum_ in zip(refunded_at, refunded, strict=True)]
    earned = list(map(revenue, paid, is_deleted, is_refunded, price, refunded, deduction))
    children = {
        "order_id": of_order(order["id"]),
        "ticket_id": ticket["id"],
        "event_id": of_order(order["event_id"]),
        "show_id": _or_zero(ticket["show_id"]),
        "is_paid": paid,
        "sale_date": of_order(sold_on),
        "price": price,
        "original_price": _money(ticket["original_price"], "$.baskets[{}].original_price"),
        "discount_value": _or_zero(_money(ticket["discount_value"], "$.baskets[{}].discount_value")),
        "service_fee": _or_zero(_money(ticket["service_fee_amount"], "$.baskets[{}].service_fee_amount")),
        "refunded_at": refunded_at,
        "refunded_amount": _or_zero(refunded),
        "refund_deduction": _or_zero(deduction),
        "deleted_at": deleted_at,
        **by_column(("is_sold", "net_revenue"), earned),
        "currency": of_order(order["currency_id"]),
        "updated_at": ticket_version,
        "_ver": ticket_version,
    }
    return Family(parents, children)


def event_family(events: Iterable[Event], cities: CityDirectory, fetched_at: datetime) -> Family:
    """Rows of events and shows. Where the API gives no `updated_at`, the version is the time of the fetch."""
    held: dict[int, tuple[int, Row, list[Row]]] = {}
    rejected: list[RejectedRecord] = []
    for event in events:
        try:
            version = _second(event.updated_at or fetched_at, "$.updated_at")
            city = event.city if isinstance(event.city, City) else None
            city_raw = localised(city.name) if city else ""
            zone = (city.timezone if city else None) or ""
            event_row = (
                event.id,
                localised(event.name).strip(),
                localised(event.place_name).strip(),
                max(event.city_id or (city.id if city else 0) or 0, 0),
                city_raw,
                cities.resolve(city_raw) or UNATTRIBUTED,
                zone,
                event.currency_id or "RUB",
                int(bool(event.is_active)),
                _second(event.created_at, "$.created_at"),
                _second(event.updated_at or event.created_at, "$.updated_at"),
                _second(event.deleted_at, "$.deleted_at"),
                version,
            )
            show_rows = [_show_row(event.id, show, zone, version) for show in _items(event.shows)]
        except RecordError as error:
            rejected.append(RejectedRecord("events", str(event.id), error.path, error.reason))
            continue
        if event.id not in held or held[event.id][0] <= version:
            held[event.id] = (version, event_row, show_rows)
    return Family(
        by_column(EVENT_COLUMNS, [event_row for _, event_row, _ in held.values()]),
        by_column(SHOW_COLUMNS, [show_row for _, _, show_rows in held.values() for show_row in show_rows]),
        rejected,
    )


def localised(text: str | Mapping[str, Any] | None) -> str:
    """A text as it is, or the Russian one of an object of languages, or its first one."""
    if text is None:
        return ""
    if isinstance(text, str):
        return text
    for language in ("ru", *text):
        found = text.get(language)
        if isinstance(found, str) and found.strip():
            return found
    return ""


def revenue(
    paid: bool, deleted: bool, refunded: bool, price: int, refunded_amount: int | None, deduction: int | None
) -> tuple[bool, int]:
    """Whether a ticket counts as sold, and its net revenue in kopecks: the table at the top of this module."""
    if not paid:
        return False, 0
    if refunded:
        if refunded_amount is None and deleted:
            return False, deduction or 0
        return False, price - (refunded_amount or 0)
    return (False, 0) if deleted else (True, price)


class _Kopecks(dict[float | None, int | None]):
    """Whole kopecks by amount in roubles. Prices repeat, and a lookup costs a fifth of a Decimal."""

    def __missing__(self, value: float) -> int:
        # a double keeps 15 decimal digits, so an amount below 10^13 prints as it was sent; NaN is not below
        hundredfold = Decimal(repr(value)) * 100 if -_MOST < value < _MOST else Decimal("0.1")
        whole = int(hundredfold)
        if whole != hundredfold:
            raise ValueError("an amount of money has more than two decimals or is out of range")
        if len(self) >= _PRICES:
            self.clear()
            self[None] = None
        self[value] = whole
        return whole


_kopecks = _Kopecks({None: None}).__getitem__


def kopecks(value: float, path: str) -> int:
    """Whole kopecks of an amount in roubles; anything finer than a kopeck, infinite or larger raises RecordError."""
    return _money([value], path)[0]


def _money(values: Sequence[float | None], path: str) -> list[Any]:
    try:
        return list(map(_kopecks, values))
    except ValueError:  # rare: look for it
        for at, value in enumerate(values):
            try:
                _kopecks(value)
            except ValueError as error:
                raise RecordError(path.format(at), str(error)) from None
        raise


def _seconds(values: Sequence[datetime | None], path: str) -> list[Any]:
    given = [value for value in values if value is not None]
    found: list[Any] = unix_seconds(given)
    fit = not found or _FIRST_SECOND <= min(found) <= max(found) <= _LAST_SECOND
    if len(given) < len(values):
        next_given = iter(found).__next__
        found = [None if value is None else next_given() for value in values]
    if not fit:
        odd = next(at for at, s in enumerate(found) if s is not None and not _FIRST_SECOND <= s <= _LAST_SECOND)
        raise RecordError(path.format(odd), "the year is out of range (1971 to 2105)")
    return found


def _second(value: datetime | None, path: str) -> Any:
    return _seconds([value], path)[0]


@lru_cache(maxsize=16_384)  # a season has some hundred links, and as many orders as it likes
def _utm(sent: bytes) -> Utm:
    try:
        value = _decode_utm(sent)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at ")
        raise RecordError("$.utm" + path.strip("`$"), reason) from None
    return Utm(*map(clean_utm, astuple(value))) if isinstance(value, UtmRecord) else _NO_UTM


def _numbers(values: Sequence[int | str | None]) -> list[int | None]:
    return [None if value is None else _number(value) for value in values]


def _number(value: int | str) -> int | None:
    """An id as a number; the API sends words for some (`payment_type_id`), which have no column."""
    number = value if isinstance(value, int) else int(value) if value.isascii() and value.isdigit() else -1
    return number if 0 <= number < 2**63 else None


def _items(value: list[Any] | dict[str, Any]) -> list[Any]:
    return value if isinstance(value, list) else list(value.values())


def _or_zero(values: Sequence[int | None]) -> list[int]:
    return [value or 0 for value in values]


def _fields(kind: type[msgspec.Struct], records: Iterable[msgspec.Struct]) -> Columns:
    """The fields of records as columns."""
    return by_column(kind.__struct_fields__, list(map(astuple, records)))


def _show_row(event_id: int, show: Show, zone: str, version: int) -> Row:
    path = f"$.shows[id={show.id}]"
    return (
        event_id,
        show.id,
        localised(show.name).strip(),
        int(bool(show.is_active)),
        _second(show.start_date, f"{path}.start_date"),
        _second(show.finish_date, f"{path}.finish_date"),
        zone,
        _money([show.min_price], f"{path}.min_price")[0],
        _money([show.max_price], f"{path}.max_price")[0],
        _second(show.updated_at, f"{path}.updated_at"),
        _second(show.deleted_at, f"{path}.deleted_at"),
        version,
    )
