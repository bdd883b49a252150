"""What one record of VK Реклама API v2 is: the fields the warehouse needs, each with its rank, and no others.

``Identity`` fields decide over a figure: unreadable, the record is rejected. ``Descriptive`` ones do not:
unreadable, they are empty, which is counted (:mod:`zakaz_common.ranks`). Ids arrive as numbers or as strings of
digits (third-party clients have seen both), money as decimal strings, days as ISO dates. Fields the loader does
not need are not declared, so they are skipped without being built.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from zakaz_common.ranks import Descriptive, Identity

# The largest id that fits UInt64 has 20 digits; 19 keeps every accepted string within it.
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)] | Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,18}$")]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
#: VK sends decimals as strings; a number has been through a float somewhere, and is read without its noise.
Money = float | str

STATUSES = ("active", "blocked", "deleted")


class AdPlan(Struct, frozen=True):
    """A campaign of the cabinet."""

    id: Identity[Id]
    name: Descriptive[str | None] = None
    status: Descriptive[str | None] = None


class AdGroup(Struct, frozen=True):
    """A group of banners; UTM settings live here.

    ``utm`` is the text VK appends to links of the group when ``enable_utm`` is on; empty means
    VK's own automatic template.
    """

    id: Identity[Id]
    ad_plan_id: Descriptive[Id | None] = None
    name: Descriptive[str | None] = None
    status: Descriptive[str | None] = None
    enable_utm: Descriptive[bool | None] = None
    utm: Descriptive[str | None] = None


class BannerUrl(Struct, frozen=True):
    """One link of a banner."""

    url: Descriptive[str | None] = None


class Banner(Struct, frozen=True):
    """One ad. ``urls`` maps a slot of the layout (``primary`` first) to its link."""

    id: Identity[Id]
    ad_group_id: Descriptive[Id | None] = None
    name: Descriptive[str | None] = None
    status: Descriptive[str | None] = None
    # An empty map is sent as [] by PHP backends, so the raw value is looked at, not trusted.
    urls: Descriptive[dict[str, BannerUrl] | list[BannerUrl] | None] = None
    created: Descriptive[str | None] = None

    @property
    def url(self) -> str:
        """The link people land on: the primary slot, else the first that is not empty."""
        if not self.urls:
            return ""
        if isinstance(self.urls, list):
            return next((slot.url for slot in self.urls if slot.url), None) or ""
        primary = self.urls.get("primary")
        if primary and primary.url:
            return primary.url
        return next((slot.url for slot in self.urls.values() if slot.url), None) or ""


class Base(Struct, frozen=True):
    """The ``base`` metrics of one day; ``spent`` is roubles net of VAT."""

    shows: Identity[Count]
    clicks: Identity[Count]
    spent: Identity[Money]
    goals: Descriptive[Count] = 0


class Day(Struct, frozen=True):
    """One day of one object's statistics."""

    date: Identity[date]
    base: Identity[Base]


class StatisticsItem(Struct, frozen=True):
    """All days of one object; days stay raw so that one bad day costs that day only."""

    id: Identity[Id]
    rows: Identity[list[msgspec.Raw]]


class UserAccount(Struct, frozen=True):
    """The account behind a cabinet's user."""

    currency: Descriptive[str | None] = None


class User(Struct, frozen=True):
    """The user a token belongs to. The document has the currency here, some clients read it in ``account``."""

    currency: Descriptive[str | None] = None
    account: Descriptive[UserAccount | None] = None


class Page(Struct, frozen=True):
    """One page of a listing; items stay raw so that one bad record costs that record only."""

    count: Count
    items: list[msgspec.Raw]
    offset: Count = 0


class Statistics(Struct, frozen=True):
    """The envelope of a statistics answer."""

    items: list[msgspec.Raw]


class Token(Struct, frozen=True):
    """Answer of the token endpoint; ``expires_in`` is seconds, as a number or as text."""

    access_token: Annotated[str, Meta(min_length=1)]
    expires_in: Annotated[int, Meta(ge=0)] | Annotated[str, Meta(pattern=r"^[0-9]{1,12}$")]
    refresh_token: str = ""
