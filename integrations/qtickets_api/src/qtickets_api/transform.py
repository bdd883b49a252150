"""From records of the API to rows of staging. Pure functions: no clock, no network.

In a row a moment is seconds and a day days from 1970, money is whole kopecks: what the columns keep.

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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from zakaz_common.city import UNATTRIBUTED, CityDirectory
from zakaz_common.moscow import moscow_day_number
from zakaz_common.utm import Utm, clean_utm
from zakaz_common.warehouse import RejectedRecord

from qtickets_api.records import City, Event, Order, Show, UtmRecord

ORDER_KEYS = ("order_id",)
ORDER_COLUMNS = (
    "order_id", "event_id", "is_paid", "paid_at", "created_at", "updated_at", "deleted_at", "price",
    "original_price", "currency", "is_reserved", "payment_type_id", "discount_id", "promo_code_id",
    "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "_ver",
)  # fmt: skip
TICKET_KEYS = ("order_id", "ticket_id")
TICKET_COLUMNS = (
    "order_id", "ticket_id", "event_id", "show_id", "is_paid", "sale_date", "price", "original_price",
    "discount_value", "service_fee", "refunded_at", "refunded_amount", "refund_deduction", "deleted_at",
    "is_sold", "net_revenue", "currency", "updated_at", "_ver",
)  # fmt: skip
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

_MOST = 1e13
_FIRST_SECOND = 31_536_000  # 1971-01-01: no zone takes it below what DateTime keeps
_LAST_SECOND = 4_291_747_200  # 2106-01-01
_NO_UTM = Utm()
Row = tuple[Any, ...]


class RecordError(ValueError):
    """A record is well formed but cannot be loaded; `path` says where."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


@dataclass(slots=True)
class FamilyRows:
    """Rows of parents (orders, events) with all their children (tickets, shows), one version of each parent.

    Of two versions of a parent the newer counts, of equal ones the later read: the children of an older version
    must not appear beside those of a newer one.
    """

    rejected: list[RejectedRecord] = field(default_factory=list)
    child_count: int = 0
    _held: dict[int, tuple[int, Row, list[Row]]] = field(default_factory=dict)

    def add(self, key: int, version: int, parent: Row, children: list[Row]) -> None:
        """Hold a parent, unless a newer version of it is held."""
        before = self._held.get(key)
        if before is not None:
            if before[0] > version:
                return
            self.child_count -= len(before[2])
        self._held[key] = (version, parent, children)
        self.child_count += len(children)

    def discard(self, keys: Iterable[int]) -> None:
        """Let go of parents and their children."""
        for key in keys:
            self.child_count -= len(self._held.pop(key)[2])

    def __len__(self) -> int:
        return len(self._held)

    @property
    def parents(self) -> list[Row]:
        """Rows of the parents."""
        return [parent for _, parent, _ in self._held.values()]

    @property
    def children(self) -> list[Row]:
        """Rows of all children."""
        return [child for _, _, children in self._held.values() for child in children]

    @property
    def versions(self) -> dict[int, int]:
        """Each parent with its `_ver`."""
        return {key: held[0] for key, held in self._held.items()}


def order_rows(orders: Iterable[Order], into: FamilyRows | None = None) -> FamilyRows:
    """Rows of orders and of their tickets; orders that cannot be loaded are in `rejected`, whole."""
    rows = into if into is not None else FamilyRows()
    for order in orders:
        try:
            version = _seconds(order.updated_at, "$.updated_at")
            created_at = _seconds(order.created_at, "$.created_at")
            paid_at = _seconds_or_none(order.payed_at, "$.payed_at")
            order_row = _order_row(order, version, paid_at, created_at)
            ticket_rows = _ticket_rows(order, version, created_at if paid_at is None else paid_at)
        except RecordError as error:
            rows.rejected.append(RejectedRecord("orders", str(order.id), error.path, error.reason))
            continue
        rows.add(order.id, version, order_row, ticket_rows)
    return rows


def event_rows(events: Iterable[Event], cities: CityDirectory, fetched_at: datetime) -> FamilyRows:
    """Rows of events and shows. Where the API gives no `updated_at`, the version is the time of the fetch."""
    rows = FamilyRows()
    for event in events:
        try:
            version = _seconds(event.updated_at or fetched_at, "$.updated_at")
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
                _seconds(event.created_at, "$.created_at"),
                _seconds(event.updated_at or event.created_at, "$.updated_at"),
                _seconds_or_none(event.deleted_at, "$.deleted_at"),
                version,
            )
            show_rows = [_show_row(event.id, show, zone, version) for show in _items(event.shows)]
        except RecordError as error:
            rows.rejected.append(RejectedRecord("events", str(event.id), error.path, error.reason))
            continue
        rows.add(event.id, version, event_row, show_rows)
    return rows


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


def _order_row(order: Order, version: int, paid_at: int | None, created_at: int) -> Row:
    return (
        order.id,
        order.event_id,
        int(order.payed),
        paid_at,
        created_at,
        version,
        _seconds_or_none(order.deleted_at, "$.deleted_at"),
        kopecks(order.price, "$.price"),
        kopecks(order.original_price, "$.original_price"),
        order.currency_id,
        int(order.reserved),
        None if order.payment_type_id is None else _number(order.payment_type_id),
        None if order.discount_id is None else _number(order.discount_id),
        None if order.promo_code_id is None else _number(order.promo_code_id),
        *_utm(order.utm),
        version,
    )


def _ticket_rows(order: Order, version: int, sold_at: int) -> list[Row]:
    order_id, event_id, currency, paid = order.id, order.event_id, order.currency_id, order.payed
    order_deleted, sale_day = order.deleted_at, moscow_day_number(sold_at)
    rows = []
    for position, basket in enumerate(_items(order.baskets)):
        try:
            if basket.quantity != 1:
                raise RecordError("quantity", "the quantity of a ticket is not 1")
            price = kopecks(basket.price, "price")
            refunded = deduction = refunded_at = deleted_at = None
            if basket.refunded_amount is not None:
                refunded = kopecks(basket.refunded_amount, "refunded_amount")
            if basket.refunded_deduction_amount is not None:
                deduction = kopecks(basket.refunded_deduction_amount, "refunded_deduction_amount")
            if basket.refunded_at is not None:
                refunded_at = _seconds(basket.refunded_at, "refunded_at")
            if (deleted := basket.deleted_at or order_deleted) is not None:
                deleted_at = _seconds(deleted, "deleted_at")
            is_refunded = refunded_at is not None or (refunded is not None and refunded > 0)
            sold, net = revenue(paid, deleted_at is not None, is_refunded, price, refunded, deduction)
            rows.append(
                (
                    order_id,
                    basket.id,
                    event_id,
                    basket.show_id or 0,
                    int(paid),
                    sale_day,
                    price,
                    kopecks(basket.original_price, "original_price"),
                    kopecks(basket.discount_value, "discount_value") if basket.discount_value else 0,
                    kopecks(basket.service_fee_amount, "service_fee_amount") if basket.service_fee_amount else 0,
                    refunded_at,
                    refunded or 0,
                    deduction or 0,
                    deleted_at,
                    int(sold),
                    net,
                    currency,
                    version,
                    version,
                )
            )
        except RecordError as error:
            raise RecordError(f"$.baskets[{position}].{error.path}", error.reason) from None
    return rows


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


def kopecks(value: float, path: str) -> int:
    """Whole kopecks of an amount in roubles.

    A double keeps 15 decimal digits, so an amount below 10^13 prints as it was sent; anything finer than a kopeck,
    infinite or larger raises RecordError.
    """
    found = _kopecks(value)
    if found is None:
        raise RecordError(path, "an amount of money has more than two decimals or is out of range")
    return found


@lru_cache(maxsize=16_384)  # prices repeat
def _kopecks(value: float) -> int | None:
    if not -_MOST < value < _MOST:  # NaN, too, is not
        return None
    hundredfold = Decimal(repr(value)) * 100
    whole = int(hundredfold)
    return whole if whole == hundredfold else None


def _kopecks_or_none(value: float | None, path: str) -> int | None:
    return None if value is None else kopecks(value, path)


def _seconds(value: datetime, path: str) -> int:
    seconds = int(value.timestamp())
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        raise RecordError(path, "the year is out of range (1971 to 2105)")
    return seconds


def _seconds_or_none(value: datetime | None, path: str) -> int | None:
    return None if value is None else _seconds(value, path)


def _utm(value: UtmRecord | list[Any] | None) -> Utm:
    if type(value) is not UtmRecord:
        return _NO_UTM
    return Utm(
        clean_utm(value.utm_source),
        clean_utm(value.utm_medium),
        clean_utm(value.utm_campaign),
        clean_utm(value.utm_content),
        clean_utm(value.utm_term),
    )


def _number(value: int | str | None) -> int | None:
    """An id as a number; the API sends words for some (`payment_type_id`), which have no column."""
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() else None
    return value if value is None or 0 <= value < 2**63 else None


def _items(value: list[Any] | dict[str, Any]) -> list[Any]:
    return value if isinstance(value, list) else list(value.values())


def _show_row(event_id: int, show: Show, zone: str, version: int) -> Row:
    path = f"$.shows[id={show.id}]"
    return (
        event_id,
        show.id,
        localised(show.name).strip(),
        int(bool(show.is_active)),
        _seconds_or_none(show.start_date, f"{path}.start_date"),
        _seconds_or_none(show.finish_date, f"{path}.finish_date"),
        zone,
        _kopecks_or_none(show.min_price, f"{path}.min_price"),
        _kopecks_or_none(show.max_price, f"{path}.max_price"),
        _seconds_or_none(show.updated_at, f"{path}.updated_at"),
        _seconds_or_none(show.deleted_at, f"{path}.deleted_at"),
        version,
    )
