"""Reading a listing (plans, groups, banners) to its end, and knowing that it is the end.

Pages are asked for in order of id and in every status, so nothing leaves a page that was already read;
the offset moves by the items received, because the server may send fewer than the limit. A listing that
does not add up to its own ``count`` (something moved while it was read) is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from zakaz_common.errors import UnavailableError

from vk_ads.records import STATUSES, Id, Page

ATTEMPTS = 3


class ListingUnstable(UnavailableError):
    """The listing never agreed with its own count; a later run will."""


class _Identity(msgspec.Struct):
    id: Id


_identity = msgspec.json.Decoder(_Identity)

#: (resource, query parameters) → one decoded page.
GetPage = Callable[[str, dict[str, str | int]], Page]


def read_listing(
    get_page: GetPage, resource: str, fields: tuple[str, ...], page_size: int
) -> list[tuple[int, msgspec.Raw]]:
    """Every object of one resource, once, ordered as received.

    Parameters:
        resource: ``ad_plans``, ``ad_groups`` or ``banners``.
        fields: fields to ask for; VK's defaults are minimal.
        page_size: ``limit`` of a page.
    Returns:
        pairs (id, raw record); records whose id cannot be read have id 0 and are all kept, so that the
        caller can reject each with its reason.
    Errors:
        ListingUnstable after three readings that did not add up.
    """
    got = counted = 0
    for _ in range(ATTEMPTS):
        found: dict[int, msgspec.Raw] = {}
        nameless: list[tuple[int, msgspec.Raw]] = []
        counted = 0
        for page in _pages(get_page, resource, fields, page_size):
            counted = page.count
            for raw in page.items:
                one = _id_of(raw)
                if one:
                    found[one] = raw
                else:
                    nameless.append((0, raw))
        got = len(found) + len(nameless)
        if got >= counted:
            return [*found.items(), *nameless]
    raise ListingUnstable(
        f"{resource}: VK counts {counted} objects but {got} different ones arrived, {ATTEMPTS} times over"
    )


def _pages(get_page: GetPage, resource: str, fields: tuple[str, ...], page_size: int) -> Iterator[Page]:
    offset = 0
    while True:
        page = get_page(
            resource,
            {
                "fields": ",".join(fields),
                "sorting": "id",
                "_status__in": ",".join(STATUSES),
                "limit": page_size,
                "offset": offset,
            },
        )
        yield page
        offset += len(page.items)
        if not page.items or offset >= page.count:
            return


def _id_of(raw: msgspec.Raw) -> int:
    try:
        return int(_identity.decode(raw).id)
    except msgspec.DecodeError:
        return 0
