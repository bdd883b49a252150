"""The optional datasets: inventory by show, discounts, promo codes, colour themes, barcodes as counts.

The account's token may lack the right to some of them, and the service may not have their routes. Such a dataset is
skipped, with the reason in the log and in the run's last line; sales do not wait for it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from zakaz_common.columns import Row, by_column
from zakaz_common.errors import DataError, DeadlineExceededError
from zakaz_common.http import RefusedError, TransientError
from zakaz_common.moscow import MOSCOW, now_moscow
from zakaz_common.run import RunContext
from zakaz_common.utm import clean_utm
from zakaz_common.warehouse import RejectedRecord, UpsertResult

from qtickets_api.client import QticketsClient
from qtickets_api.optional_records import (
    BarcodeMark,
    ColorThemes,
    Discount,
    DiscountsPage,
    PromoCode,
    PromoCodesPage,
    Seat,
    Seats,
)
from qtickets_api.pages import page_decoder
from qtickets_api.scan import Scan
from qtickets_api.sink import SHOWS
from qtickets_api.transform import MONEY, RecordError, kopecks, localised

log = structlog.get_logger()

INVENTORY_COLUMNS = (
    "event_id", "show_id", "tickets_total", "tickets_available", "tickets_sold", "tickets_reserved", "min_price",
    "max_price", "currency", "taken_at", "_ver",
)  # fmt: skip
BARCODE_COLUMNS = ("event_id", "show_id", "barcodes_total", "barcodes_checked", "taken_at", "_ver")
DISCOUNT_COLUMNS = (
    "discount_id", "name", "kind", "value", "is_active", "created_at", "updated_at", "deleted_at", "_ver",
)  # fmt: skip
PROMO_CODE_COLUMNS = (
    "promo_code_id", "discount_id", "event_id", "code", "is_active", "created_at", "updated_at", "deleted_at", "_ver",
)  # fmt: skip
COLOR_THEME_COLUMNS = ("color_theme_id", "name", "colors", "updated_at", "_ver")
SHOW_KEYS = ("event_id", "show_id")

_SEAT_FIELDS = [
    "max_quantity", "free_quantity", "ordered_quantity", "payed_quantity", "disabled", "price", "currency_id",
]  # fmt: skip
_decode_seats = msgspec.json.Decoder(Seats).decode
_decode_barcodes = msgspec.json.Decoder(list[BarcodeMark]).decode
_decode_color_themes = msgspec.json.Decoder(ColorThemes).decode
_MONEY = MONEY | {"value"}
_SHOW_PASSED = timedelta(days=2)


def load_optional(context: RunContext, client: QticketsClient) -> None:
    """Load the optional datasets the settings name. None of them fails the run."""
    loaders: dict[str, Callable[[RunContext, QticketsClient], None]] = {
        "inventory": _inventory,
        "discounts": _discounts,
        "promo_codes": _promo_codes,
        "color_themes": _color_themes,
        "barcodes": _barcodes,
    }
    skipped: dict[str, str] = {}
    for name, load in loaders.items():
        if name not in context.settings.optional_datasets():
            continue
        try:
            load(context, client)
        except (RefusedError, DataError, TransientError, DeadlineExceededError) as error:
            skipped[name] = str(error)
            log.warning("dataset_skipped", dataset=name, reason=str(error))
            if isinstance(error, DeadlineExceededError):
                context.deadline.grace(60)
                break
    if skipped:
        context.extra["skipped"] = skipped


def inventory_row(event_id: int, show_id: int, seats: dict[str, Seat], taken_at: datetime) -> Row:
    """Places of a show. Disabled seats are not for sale and are left out; prices are those of seats on sale."""
    on_sale = [seat for seat in seats.values() if not seat.disabled]
    prices = [kopecks(seat.price, "$.price") for seat in on_sale if seat.price is not None]
    return (
        event_id,
        show_id,
        sum(seat.max_quantity or 0 for seat in on_sale),
        sum(seat.free_quantity or 0 for seat in on_sale),
        sum(seat.payed_quantity or 0 for seat in on_sale),
        sum(seat.ordered_quantity or 0 for seat in on_sale),
        min(prices, default=None),
        max(prices, default=None),
        next((seat.currency_id for seat in on_sale if seat.currency_id), "RUB"),
        taken_at,
        int(taken_at.timestamp()),
    )


def _inventory(context: RunContext, client: QticketsClient) -> None:
    rows: list[Row] = []
    taken_at = _clock(client)
    for event_id, show_id in _open_shows(context, taken_at):
        body = {"flat": True, "select": _SEAT_FIELDS}
        seats = client.optional(f"shows/{show_id}/seats", _decode_seats, body).data
        if isinstance(seats, list):
            continue
        if seats and all(seat.max_quantity is None for seat in seats.values()):
            raise DataError("the seats come without quantities")
        context.rows_read += 1
        try:
            rows.append(inventory_row(event_id, show_id, seats, taken_at))
        except RecordError as error:
            context.reject([RejectedRecord("inventory", str(show_id), error.path, error.reason)])
    _upsert(context, "stg_qtickets_inventory", SHOW_KEYS, INVENTORY_COLUMNS, rows, unhashed=("taken_at",))


def _barcodes(context: RunContext, client: QticketsClient) -> None:
    rows: list[Row] = []
    taken_at = _clock(client)
    for event_id, show_id in _open_shows(context, taken_at):
        marks = client.optional(f"shows/{show_id}/barcodes", _decode_barcodes)
        context.rows_read += 1
        checked = sum(bool(mark.checked_at) for mark in marks)
        rows.append((event_id, show_id, len(marks), checked, taken_at, int(taken_at.timestamp())))
    _upsert(context, "stg_qtickets_barcodes", SHOW_KEYS, BARCODE_COLUMNS, rows, unhashed=("taken_at",))


def _discounts(context: RunContext, client: QticketsClient) -> None:
    def row(record: Discount, version: int) -> Row:
        value = None if record.value is None else kopecks(record.value, "$.value")
        dates = (_moscow(record.created_at), _moscow(record.updated_at), _moscow(record.deleted_at))
        kind = "" if record.type is None else str(record.type)
        return (record.id, localised(record.name), kind, value, int(bool(record.is_active)), *dates, version)

    decode = page_decoder("discounts", DiscountsPage, Discount)
    scan = Scan("discounts", client.optional_pages("discounts", decode), lambda record: record.id)
    _load_list(context, client, scan, row, "stg_qtickets_discounts", DISCOUNT_COLUMNS)


def _promo_codes(context: RunContext, client: QticketsClient) -> None:
    def row(record: PromoCode, version: int) -> Row:
        dates = (_moscow(record.created_at), _moscow(record.updated_at), _moscow(record.deleted_at))
        # Some sellers make a personal code of the buyer's address.
        code = "" if record.code is None else str(record.code)
        code = "" if not clean_utm(code) else code
        return (record.id, record.discount_id, record.event_id, code, int(bool(record.is_active)), *dates, version)

    decode = page_decoder("promo_codes", PromoCodesPage, PromoCode)
    scan = Scan("promo_codes", client.optional_pages("promo-codes", decode), lambda record: record.id)
    _load_list(context, client, scan, row, "stg_qtickets_promo_codes", PROMO_CODE_COLUMNS)


def _color_themes(context: RunContext, client: QticketsClient) -> None:
    version = int(_clock(client).timestamp())
    themes = client.optional("color-themes", _decode_color_themes).data
    rows = [
        (theme.id, localised(theme.name), bytes(theme.colors).decode(), _moscow(theme.updated_at), version)
        for theme in themes
    ]
    context.rows_read += len(rows)
    table, keys = "stg_qtickets_color_themes", COLOR_THEME_COLUMNS[:1]
    _upsert(context, table, keys, COLOR_THEME_COLUMNS, rows)
    context.wrote(table, context.warehouse.tombstone(table, keys, scope="1", keep={row[0] for row in rows}))


def _load_list(
    context: RunContext,
    client: QticketsClient,
    scan: "Scan[Any]",
    row: Callable[[Any, int], Row],
    table: str,
    columns: tuple[str, ...],
) -> None:
    """Read a whole list, upsert it, and tombstone what is gone from it."""
    keys = columns[:1]
    for batch in scan:
        context.rows_read += len(batch.records) + len(batch.rejected)
        context.reject(batch.rejected)
        version = int(_clock(client).timestamp())
        rows = []
        for record in batch.records:
            try:
                # The version is the time of the fetch: nothing says that a change moves `updated_at` here.
                rows.append(row(record, version))
            except RecordError as error:
                context.reject([RejectedRecord(scan.what, str(record.id), error.path, error.reason)])
        _upsert(context, table, keys, columns, rows)
    context.wrote(table, context.warehouse.tombstone(table, keys, scope="1", keep=set(scan.seen)))


def _upsert(
    context: RunContext,
    table: str,
    keys: tuple[str, ...],
    columns: tuple[str, ...],
    rows: list[Row],
    unhashed: tuple[str, ...] = (),
) -> None:
    result: UpsertResult = context.warehouse.upsert(
        table, keys, by_column(columns, rows), unhashed=unhashed, kopecks=_MONEY
    )
    context.wrote(table, result)


def _open_shows(context: RunContext, now: datetime) -> list[tuple[int, int]]:
    """Shows whose places can still change: active, not deleted, not long over.

    An exhibition that opened months ago is open until it closes; a show without any date may be open.
    """
    warehouse = context.warehouse
    rows = warehouse.query(
        f"SELECT event_id, show_id FROM {warehouse.name(SHOWS)} FINAL "  # noqa: S608 - a checked identifier
        "WHERE is_active = 1 AND deleted_at IS NULL "
        "AND (starts_at >= toDateTime({since:Int64}) OR finishes_at >= toDateTime({since:Int64}) "
        "OR (starts_at IS NULL AND finishes_at IS NULL)) "
        "ORDER BY starts_at, show_id",
        {"since": int((now - _SHOW_PASSED).timestamp())},
    )
    return [(int(event_id), int(show_id)) for event_id, show_id in rows]


def _clock(client: QticketsClient) -> datetime:
    return (client.server_time or now_moscow()).replace(microsecond=0)


def _moscow(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(MOSCOW).replace(microsecond=0)
