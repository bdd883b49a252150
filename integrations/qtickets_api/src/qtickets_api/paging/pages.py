"""Decoding of a page: strict for the whole page first, record by record only when that fails.

A record whose field is not what it should be is read field by field (`zakaz_common.ranks`): it is rejected with
place and reason when a figure needs the field, else it loads without it. Broken characters anywhere are replaced.
The other records of the page are kept. A page that is no page at all raises, and the client fetches it again.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec
from zakaz_common.http import TransientError
from zakaz_common.ranks import UnreadableError, decode_record
from zakaz_common.run_journal import DegradedField, RejectedRecord
from zakaz_common.text import holds_replacement, mended_json

from qtickets_api.records import KNOWN_FIELDS, Envelope, Event, EventsPage, Order, OrdersPage, Paging

R = TypeVar("R", bound=msgspec.Struct)

_FIELD_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,63}")
BROKEN_CHARACTERS = "characters that are no text were replaced"


@dataclass(slots=True)
class Page(Generic[R]):
    """Records of one page. `ids` are those of all records, rejected ones included, where they can be read."""

    records: list[R]
    ids: list[int]
    paging: Paging
    rejected: list[RejectedRecord] = field(default_factory=list)
    rejected_parts: list[RejectedRecord] = field(default_factory=list)
    """Records within records that load: shows of an event."""
    degraded: list[DegradedField] = field(default_factory=list)


class _Identified(msgspec.Struct):
    id: int


_envelope = msgspec.json.Decoder(Envelope)
_identified = msgspec.json.Decoder(_Identified)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def page_decoder(dataset: str, page_type: type, record_type: type[R], parts: str = "") -> Callable[[bytes], Page[R]]:
    """A decoder of pages of `record_type`; `dataset` names it in rejections, `parts` the records within it."""
    whole: msgspec.json.Decoder[Any] = msgspec.json.Decoder(page_type)
    single = record_reader(dataset, record_type, parts)

    def decode(body: bytes) -> Page[R]:
        try:
            page: Any = whole.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _one_by_one(dataset, single, body)
        return Page(page.data, [record.id for record in page.data], page.paging)

    return decode


def list_decoder(dataset: str, record_type: type[R]) -> Callable[[bytes], Page[R]]:
    """A decoder of a list that comes whole, without paging."""
    single = record_reader(dataset, record_type)
    return lambda body: _one_by_one(dataset, single, body, paged=False)


def record_reader(dataset: str, record_type: type[R], parts: str = "") -> Callable[[bytes, str, Page[R]], None]:
    """A reader of one raw record into a page; `key` names the record where it is rejected or degraded.

    `parts` names the records within it, where a broken one may be left out.
    """

    def read(raw: bytes, key: str, page: Page[R]) -> None:
        def note(path: str, reason: str) -> None:
            page.degraded.append(DegradedField(dataset, key, path, reason))

        def drop(path: str, reason: str) -> None:
            page.rejected_parts.append(RejectedRecord(parts, key, path, reason))

        try:
            page.records.append(decode_record(record_type, raw, note, drop=drop))
        except UnreadableError as error:
            page.rejected.append(RejectedRecord(dataset, key, error.path, error.reason))

    return read


def _one_by_one(
    dataset: str, read: Callable[[bytes, str, Page[R]], None], body: bytes, *, paged: bool = True
) -> Page[R]:
    damaged = False
    try:
        try:
            envelope = _envelope.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if isinstance(error, msgspec.ValidationError):
                raise
            envelope, damaged = _envelope.decode(mended_json(body)), True
        # A number in quotes is a number here: no figure stands in the paging.
        paging = msgspec.convert(envelope.paging, Paging, strict=False) if paged else Paging(1, 1, len(envelope.data))
    except msgspec.ValidationError as error:
        raise TransientError(f"the answer is not a page of {dataset}: {error}") from None
    page: Page[R] = Page([], [], paging)
    records = envelope.data.values() if isinstance(envelope.data, dict) else envelope.data
    for position, raw in enumerate(records):
        key, known = _key_of(raw, position)
        if known is not None:
            page.ids.append(known)
        read(bytes(raw), key, page)
        if damaged and holds_replacement(bytes(raw)):
            page.degraded.append(DegradedField(dataset, key, "$", BROKEN_CHARACTERS))
    return page


def _key_of(raw: msgspec.Raw, position: int) -> tuple[str, int | None]:
    """What names a record, and its id where that is one a record may have."""
    try:
        known = _identified.decode(raw).id
        return str(known), known if 1 <= known < 2**63 else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"record {position + 1} of a page", None


def unknown_fields(dataset: str, body: bytes) -> frozenset[str]:
    """Names of top-level fields of a page's first record that this loader does not know.

    A key that is no name of a field may be data of a person: an address, a telephone number.
    """
    try:
        data = _envelope.decode(body).data
        first = next(iter(data.values() if isinstance(data, dict) else data), None)
        names = frozenset(_fields.decode(first)) if first is not None else frozenset()
        return frozenset(filter(_FIELD_NAME.fullmatch, names)) - KNOWN_FIELDS[dataset]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return frozenset()


decode_orders = page_decoder("orders", OrdersPage, Order)
decode_events = page_decoder("events", EventsPage, Event, "shows")


class _Answer(msgspec.Struct):
    data: msgspec.Raw


_answer = msgspec.json.Decoder(_Answer)
_read_order = record_reader("orders", Order)


def decode_order(body: bytes) -> Page[Order]:
    """One order by its id, as a page of at most one record."""
    try:
        raw = bytes(_answer.decode(body).data)
    except msgspec.ValidationError as error:
        raise TransientError(f"the answer is not an order: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raw = bytes(_answer.decode(mended_json(body)).data)
    key, known = _key_of(msgspec.Raw(raw), 0)
    page: Page[Order] = Page([], [] if known is None else [known], Paging(1, 1, 1))
    _read_order(raw, key, page)
    return page
