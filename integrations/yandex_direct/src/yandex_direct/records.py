"""What one record of the API is: the fields the warehouse needs, each with its rank, and no others.

``Identity`` fields decide over a figure: unreadable, the record is rejected. ``Descriptive`` ones do not:
unreadable, they are empty, which is counted (:mod:`zakaz_common.ranks`). What was not asked for is absent, what is not
set is null. Fields the loader does not need are not declared, so they are skipped without being built.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from zakaz_common.ranks import Descriptive, Identity

# The largest id that fits UInt64 has 20 digits; 19 keeps every accepted string within it.
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)] | Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,18}$")]

CAMPAIGN_STATES = ("ARCHIVED", "CONVERTED", "ENDED", "OFF", "ON", "SUSPENDED")
AD_STATES = ("OFF", "ON", "SUSPENDED", "OFF_BY_MONITORING", "ARCHIVED")


class Tracking(Struct, frozen=True, rename="pascal"):
    """The parameters that a campaign adds to the links of its ads."""

    tracking_params: Descriptive[str | None] = None


class Campaign(Struct, frozen=True, rename="pascal"):
    """A campaign; what it adds to links stands in the structure of its type."""

    id: Identity[Id]
    name: Descriptive[str | None] = None
    type: Descriptive[str | None] = None
    state: Descriptive[str | None] = None
    text_campaign: Descriptive[Tracking | None] = None
    unified_campaign: Descriptive[Tracking | None] = None
    dynamic_text_campaign: Descriptive[Tracking | None] = None
    smart_campaign: Descriptive[Tracking | None] = None

    @property
    def tracking(self) -> str:
        """The parameters that its ads' links get, '' for none."""
        kinds = (self.text_campaign, self.unified_campaign, self.dynamic_text_campaign, self.smart_campaign)
        return next((kind.tracking_params for kind in kinds if kind and kind.tracking_params), None) or ""


class AdGroup(Struct, frozen=True, rename="pascal"):
    """A group of ads."""

    id: Identity[Id]
    campaign_id: Descriptive[Id | None] = None
    name: Descriptive[str | None] = None
    tracking_params: Descriptive[str | None] = None


class AdContent(Struct, frozen=True, rename="pascal"):
    """What an ad of some type shows and where it leads.

    ``titles`` of a responsive ad are looked through for the first text: texts, or objects that hold one.
    """

    href: Descriptive[str | None] = None
    title: Descriptive[str | None] = None
    titles: Descriptive[Any] = None


class Ad(Struct, frozen=True, rename="pascal"):
    """An ad; title and link stand in the structure of its type."""

    id: Identity[Id]
    campaign_id: Descriptive[Id | None] = None
    ad_group_id: Descriptive[Id | None] = None
    type: Descriptive[str | None] = None
    state: Descriptive[str | None] = None
    status: Descriptive[str | None] = None
    text_ad: Descriptive[AdContent | None] = None
    responsive_ad: Descriptive[AdContent | None] = None
    text_image_ad: Descriptive[AdContent | None] = None
    text_ad_builder_ad: Descriptive[AdContent | None] = None
    cpc_video_ad_builder_ad: Descriptive[AdContent | None] = None
    cpm_banner_ad_builder_ad: Descriptive[AdContent | None] = None
    cpm_video_ad_builder_ad: Descriptive[AdContent | None] = None

    def _contents(self) -> Iterator[AdContent]:
        for name in AD_CONTENTS:
            content = getattr(self, name)
            if content:
                yield content

    @property
    def href(self) -> str:
        """The link people land on, as written; '' for an ad without one."""
        return next((content.href for content in self._contents() if content.href), None) or ""

    @property
    def title(self) -> str:
        """What a person knows the ad by: its first title; ads have no names."""
        return next((text for c in self._contents() if (text := c.title or first_text(c.titles))), "")


#: Structures of an ad, with what is asked of each.
AD_CONTENTS: dict[str, tuple[str, ...]] = {
    "text_ad": ("Title", "Href"),
    "responsive_ad": ("Titles", "Href"),
    "text_image_ad": ("Href",),
    "text_ad_builder_ad": ("Href",),
    "cpc_video_ad_builder_ad": ("Href",),
    "cpm_banner_ad_builder_ad": ("Href",),
    "cpm_video_ad_builder_ad": ("Href",),
}


def first_text(value: Any) -> str:
    """The first text within lists and objects of JSON, '' for none."""
    if isinstance(value, str):
        return value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((text for one in inner if (text := first_text(one))), "")


class Client(Struct, frozen=True, rename="pascal"):
    """Whose account it is."""

    login: Descriptive[str | None] = None
    currency: Descriptive[str | None] = None
    vat_rate: Descriptive[float | str | None] = None


class CampaignStat(Struct, frozen=True, rename="pascal"):
    """From which day on a campaign's statistics were corrected."""

    campaign_id: Descriptive[Id | None] = None
    border_date: Descriptive[date | None] = None


class Modified(Struct, frozen=True, rename="pascal"):
    """What has changed since the moment asked about."""

    campaign_ids: Descriptive[list[Any] | None] = None
    ad_group_ids: Descriptive[list[Any] | None] = None
    ad_ids: Descriptive[list[Any] | None] = None
    campaigns_stat: Descriptive[list[CampaignStat] | None] = None


class Changes(Struct, frozen=True, rename="pascal"):
    """The answer of ``changes.check``."""

    modified: Descriptive[Modified | None] = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; items stay raw so that one bad record costs that record only.

    ``limited_by`` is the offset of the next page, None for the last one.
    """

    items: list[msgspec.Raw]
    limited_by: int | None = None
