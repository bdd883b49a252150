"""Decoding of a page: strict for the whole page first, record by record only when that fails.

A record that is not what it should be is rejected with its place and the reason; the others of the page are
kept. A page that is no page at all raises, and the client fetches it again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec
from zakaz_common.http import TransientError
from zakaz_common.warehouse import RejectedRecord

from qtickets_api.records import KNOWN_FIELDS, Envelope, Event, EventsPage, Order, OrderAnswer, OrdersPage, Paging

R = TypeVar("R")


@dataclass(slots=True)
class Page(Generic[R]):
    """Records of one page. `ids` are those of all records, rejected ones included, where they can be read."""

    records: list[R]
    ids: list[int]
    paging: Paging
    rejected: list[RejectedRecord] = field(default_factory=list)


class _Identified(msgspec.Struct):
    id: int


_envelope = msgspec.json.Decoder(Envelope)
_identified = msgspec.json.Decoder(_Identified)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def page_decoder(dataset: str, page_type: type, record_type: type[R]) -> Callable[[bytes], Page[R]]:
    """A decoder of pages of `record_type`; `dataset` names it in rejections."""
    whole = msgspec.json.Decoder(page_type)
    single = msgspec.json.Decoder(record_type)

    def decode(body: bytes) -> Page[R]:
        try:
            page: Any = whole.decode(body)
        except msgspec.ValidationError:
            return _one_by_one(dataset, single, body)
        return Page(page.data, [record.id for record in page.data], page.paging)

    return decode


def _one_by_one(dataset: str, single: "msgspec.json.Decoder[R]", body: bytes) -> Page[R]:
    try:
        envelope = _envelope.decode(body)
    except msgspec.ValidationError as error:
        raise TransientError(f"the answer is not a page of {dataset}: {error}") from None
    page: Page[R] = Page([], [], envelope.paging)
    for position, raw in enumerate(envelope.data):
        key, known = _key_of(raw, position)
        if known is not None:
            page.ids.append(known)
        try:
            page.records.append(single.decode(raw))
        except msgspec.ValidationError as error:
            reason, _, path = str(error).partition(" - at ")
            page.rejected.append(RejectedRecord(dataset, key, path.strip("`") or "$", reason))
    return page


def _key_of(raw: msgspec.Raw, position: int) -> tuple[str, int | None]:
    try:
        known = _identified.decode(raw).id
        return str(known), known
    except msgspec.ValidationError:
        return f"record {position + 1} of a page", None


def unknown_fields(dataset: str, body: bytes) -> frozenset[str]:
    """Names of top-level fields of a page's first record that this loader does not know."""
    try:
        data = _envelope.decode(body).data
        return frozenset(_fields.decode(data[0])) - KNOWN_FIELDS[dataset] if data else frozenset()
    except msgspec.DecodeError:
        return frozenset()


decode_orders = page_decoder("orders", OrdersPage, Order)
decode_order = msgspec.json.Decoder(OrderAnswer).decode
decode_events = page_decoder("events", EventsPage, Event)
