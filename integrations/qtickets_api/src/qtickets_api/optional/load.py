"""The optional datasets: inventory by show, discounts, promo codes, colour themes, barcodes as counts.

The account's token may lack the right to some of them, and the service may not have their routes. Such a dataset is
skipped, with the reason in the log and in the run's last line; sales do not wait for it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from zakaz_common.columns import Row, by_column
from zakaz_common.errors import DataError, DeadlineExceededError
from zakaz_common.http import RefusedError, TransientError
from zakaz_common.moscow import now_moscow
from zakaz_common.ranks import UnreadableError, read_record
from zakaz_common.run import RunContext
from zakaz_common.run_journal import DegradedField, RejectedRecord
from zakaz_common.text import clean_text, mended_json, read_json
from zakaz_common.utm import clean_utm
from zakaz_common.warehouse import UpsertResult

from qtickets_api.client import QticketsClient
from qtickets_api.optional.records import (
    BarcodeMark,
    ColorTheme,
    Discount,
    DiscountsPage,
    PromoCode,
    PromoCodesPage,
    Seat,
    Seats,
)
from qtickets_api.paging.pages import list_decoder, page_decoder
from qtickets_api.paging.scan import Scan
from qtickets_api.rows.events import SHOW_KEYS, NoteOf
from qtickets_api.rows.readers import loose_money, loose_second, shown_text
from qtickets_api.sink import SHOWS
from qtickets_api.transform import MONEY

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

_SEAT_FIELDS = [
    "max_quantity", "free_quantity", "ordered_quantity", "payed_quantity", "disabled", "price", "currency_id",
]  # fmt: skip
_strict_seats = msgspec.json.Decoder(Seats).decode
_strict_barcodes = msgspec.json.Decoder(list[BarcodeMark]).decode
_decode_discounts = page_decoder("discounts", DiscountsPage, Discount)
_decode_promo_codes = page_decoder("promo_codes", PromoCodesPage, PromoCode)
_decode_color_themes = list_decoder("color_themes", ColorTheme)
_MONEY = MONEY | {"value"}
_SHOW_PASSED = timedelta(days=2)
_LONGEST_COLORS = 65_536  # cut, the JSON of a theme's colours would be none


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


@dataclass(slots=True)
class SeatsRead:
    """The seats of a show; `unreadable` says why its places cannot be counted, `wrong_fields` what else is odd."""

    seats: list[Seat] = field(default_factory=list)
    none: bool = False
    """The hall has no seats."""
    unreadable: UnreadableError | None = None
    wrong_fields: list[tuple[str, str]] = field(default_factory=list)


def decode_seats(body: bytes) -> SeatsRead:
    """Seats, field by field where they are not what was promised. Raises DecodeError for what is no JSON."""
    found = SeatsRead()
    try:
        data = _strict_seats(body).data
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = mended_json(body)
        try:
            data = read_record(Seats, body, lambda *wrong: found.wrong_fields.append(wrong)).data
        except UnreadableError as error:
            return SeatsRead(unreadable=error)
    found.none = data == []
    found.seats = list(data.values()) if isinstance(data, dict) else data
    return found


def count_barcodes(body: bytes) -> tuple[int, int]:
    """How many barcodes there are, and how many of them are checked. Raises TransientError for another answer."""
    try:
        marks = _strict_barcodes(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        listed = read_json(body)
        entries = listed if isinstance(listed, list) else []
        marks = [BarcodeMark(one.get("checked_at")) for one in entries if isinstance(one, dict)]
        if not marks:  # no count is better than a wrong 0
            raise TransientError("the answer is not a list of barcodes") from None
    return len(marks), sum(bool(mark.checked_at) for mark in marks)


def inventory_row(event_id: int, show_id: int, seats: Iterable[Seat], taken_at: datetime, note: NoteOf) -> Row:
    """Places of a show. Disabled seats are not for sale and are left out; prices are those of seats on sale."""
    on_sale = [seat for seat in seats if not seat.disabled]
    wrong_price = note("$.data[].price")
    sent = loose_money([seat.price for seat in on_sale], lambda _, reason: wrong_price(reason))
    prices = [price for price in sent if price is not None]
    return (
        event_id,
        show_id,
        sum(seat.max_quantity or 0 for seat in on_sale),
        sum(seat.free_quantity or 0 for seat in on_sale),
        sum(seat.payed_quantity or 0 for seat in on_sale),
        sum(seat.ordered_quantity or 0 for seat in on_sale),
        min(prices, default=None),
        max(prices, default=None),
        next((clean_text(seat.currency_id) for seat in on_sale if seat.currency_id), "RUB"),
        taken_at,
        int(taken_at.timestamp()),
    )


def _inventory(context: RunContext, client: QticketsClient) -> None:
    rows: list[Row] = []
    uncounted: list[RejectedRecord] = []
    taken_at = _clock(client)
    for event_id, show_id in _open_shows(context, taken_at):
        body = {"flat": True, "select": _SEAT_FIELDS}
        found = client.optional(f"shows/{show_id}/seats", decode_seats, body)
        if found.none:
            continue
        context.read("inventory", 1)
        if found.unreadable:
            path, reason = found.unreadable.path, found.unreadable.reason
            context.reject([RejectedRecord("inventory", str(show_id), path, reason)])
            continue
        if found.seats and all(seat.max_quantity is None for seat in found.seats):
            path, reason = "$.data[].max_quantity", "no seat has a quantity"
            uncounted.append(RejectedRecord("inventory", str(show_id), path, reason))
            continue
        note = _noted(context, "inventory", show_id)
        for path, reason in found.wrong_fields:
            note(path)(reason)
        rows.append(inventory_row(event_id, show_id, found.seats, taken_at, note))
    if uncounted and not rows:
        raise DataError("the seats come without quantities")
    context.reject(uncounted, judged=False)  # one hall that sells without places, as long as it does
    _upsert(context, "stg_qtickets_inventory", SHOW_KEYS, INVENTORY_COLUMNS, rows, unhashed=("taken_at",))


def _barcodes(context: RunContext, client: QticketsClient) -> None:
    rows: list[Row] = []
    taken_at = _clock(client)
    for event_id, show_id in _open_shows(context, taken_at):
        total, checked = client.optional(f"shows/{show_id}/barcodes", count_barcodes)
        context.read("barcodes", 1)
        rows.append((event_id, show_id, total, checked, taken_at, int(taken_at.timestamp())))
    _upsert(context, "stg_qtickets_barcodes", SHOW_KEYS, BARCODE_COLUMNS, rows, unhashed=("taken_at",))


def _discounts(context: RunContext, client: QticketsClient) -> None:
    def row(record: Discount, version: int, note: NoteOf) -> Row:
        value = loose_money([record.value], lambda _, reason: note("$.value")(reason))[0]
        kind = shown_text(None if record.type is None else str(record.type), note("$.type"))
        name = shown_text(record.name, note("$.name"))
        return (record.id, name, kind, value, int(bool(record.is_active)), *_dates(record, note), version)

    scan: Scan[Discount] = Scan(
        "discounts", client.optional_pages("discounts", _decode_discounts), lambda record: record.id
    )
    _load_list(context, client, scan, row, "stg_qtickets_discounts", DISCOUNT_COLUMNS)


def _promo_codes(context: RunContext, client: QticketsClient) -> None:
    def row(record: PromoCode, version: int, note: NoteOf) -> Row:
        code = shown_text(None if record.code is None else str(record.code), note("$.code"))
        # Some sellers make a personal code of the buyer's address.
        code = "" if not clean_utm(code) else code
        ids = (record.id, record.discount_id, record.event_id)
        return (*ids, code, int(bool(record.is_active)), *_dates(record, note), version)

    scan: Scan[PromoCode] = Scan(
        "promo_codes", client.optional_pages("promo-codes", _decode_promo_codes), lambda record: record.id
    )
    _load_list(context, client, scan, row, "stg_qtickets_promo_codes", PROMO_CODE_COLUMNS)


def _color_themes(context: RunContext, client: QticketsClient) -> None:
    version = int(_clock(client).timestamp())
    page = client.optional("color-themes", _decode_color_themes)
    context.read("color_themes", len(page.records) + len(page.rejected))
    context.reject(page.rejected)
    context.degrade(page.degraded)
    rows = []
    for theme in page.records:
        note = _noted(context, "color_themes", theme.id)
        changed = loose_second(theme.updated_at, note("$.updated_at"))
        colors = clean_text(bytes(theme.colors).decode("utf-8", "replace"), longest=_LONGEST_COLORS)
        rows.append((theme.id, shown_text(theme.name, note("$.name")), colors, changed, version))
    table, keys = "stg_qtickets_color_themes", COLOR_THEME_COLUMNS[:1]
    _upsert(context, table, keys, COLOR_THEME_COLUMNS, rows)
    context.wrote(table, context.warehouse.tombstone(table, keys, scope="1", keep=set(page.ids)))


def _dates(record: Discount | PromoCode, note: NoteOf) -> tuple[int | None, ...]:
    names = ("created_at", "updated_at", "deleted_at")
    return tuple(loose_second(getattr(record, name), note(f"$.{name}")) for name in names)


def _noted(context: RunContext, dataset: str, key: int) -> NoteOf:
    def at(path: str) -> Callable[[str], None]:
        return lambda reason: context.degrade([DegradedField(dataset, str(key), path, reason)])

    return at


def _load_list(
    context: RunContext,
    client: QticketsClient,
    scan: "Scan[Any]",
    row: Callable[[Any, int, NoteOf], Row],
    table: str,
    columns: tuple[str, ...],
) -> None:
    """Read a whole list, upsert it, and tombstone what is gone from it."""
    keys = columns[:1]
    for batch in scan:
        context.read(scan.what, len(batch.records) + len(batch.rejected))
        context.reject(batch.rejected)
        context.degrade(batch.degraded)
        # The version is the time of the fetch: nothing says that a change moves `updated_at` here.
        version = int(_clock(client).timestamp())
        rows = [row(record, version, _noted(context, scan.what, record.id)) for record in batch.records]
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
