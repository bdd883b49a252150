"""Reading a listing to its end: a page that is not the last says where the next one begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

import msgspec
from zakaz_common.errors import UnavailableError

from yandex_direct.records import Id, Page

#: Objects of a page; the most that are served.
PAGE_SIZE = 10_000


class ListingUnstable(UnavailableError):
    """The pages of a listing do not lead to its end; a later run will see."""


class _Identity(msgspec.Struct, rename="pascal"):
    id: Id


_identity = msgspec.json.Decoder(_Identity)


def read_listing(get_page: Callable[[int], Page]) -> list[msgspec.Raw]:
    """Every object once, in the order received.

    Parameters:
        get_page: offset → a page.
    Returns:
        raw records; those whose id cannot be read are all kept, so that the caller can reject each.
    """
    found: dict[int, msgspec.Raw] = {}
    unreadable: list[msgspec.Raw] = []
    offset = 0
    while True:
        page = get_page(offset)
        for raw in page.items:
            try:
                found[int(_identity.decode(raw).id)] = raw
            except (msgspec.DecodeError, UnicodeDecodeError):
                unreadable.append(raw)
        if page.limited_by is None:
            return [*found.values(), *unreadable]
        if page.limited_by <= offset:
            raise ListingUnstable(f"a listing goes on at {page.limited_by} after {offset}: it has no end")
        offset = page.limited_by


def ids_of(raws: Iterable[msgspec.Raw]) -> set[int]:
    """The ids of raw records; those that cannot be read are left out."""
    found = set()
    for raw in raws:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            found.add(int(_identity.decode(raw).id))
    return found


def chunks(ids: Sequence[int], most: int) -> Iterator[list[int]]:
    """The ids in lists of at most ``most``."""
    for start in range(0, len(ids), most):
        yield list(ids[start : start + most])
