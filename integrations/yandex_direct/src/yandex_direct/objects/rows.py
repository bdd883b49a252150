"""From records of campaigns, groups and ads to rows of the dimension of ads. Pure functions, no input or output."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

import msgspec
from zakaz_common.attribution.rules import Attribution, CityBook, attribute, public_url
from zakaz_common.columns import Row
from zakaz_common.ranks import UnreadableError, decode_record, noted_text, with_clean_texts
from zakaz_common.text import clean_text
from zakaz_common.utm import Utm

from yandex_direct.objects.links import ad_macros, final_link, final_utm
from yandex_direct.records import Ad, AdGroup, Campaign
from yandex_direct.transform import CampaignName

R = TypeVar("R", bound=msgspec.Struct)

AD_KEY = ("account", "ad_id")
AD_COLUMNS = (
    *AD_KEY,
    "name",
    "type",
    "state",
    "status",
    "ad_group_id",
    "ad_group_name",
    "campaign_id",
    "campaign_name",
    "campaign_type",
    "campaign_state",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
    "city",
    "event_date",
    "attribution",
    "url",
    "_ver",
)


@dataclass(frozen=True, slots=True)
class Cabinet:
    """The objects of one account by id."""

    campaigns: Mapping[int, Campaign] = field(default_factory=dict)
    groups: Mapping[int, AdGroup] = field(default_factory=dict)
    ads: Mapping[int, Ad] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Staged:
    """An ad that has statistics. ``ad_id`` 0 is spend of the campaign that has no ad."""

    campaign_id: int
    ad_group_id: int
    ad_id: int
    first: date

    @property
    def mart_id(self) -> str:
        """Its id in the shared mart."""
        return str(self.ad_id) if self.ad_id else f"campaign {self.campaign_id}"


def read_cabinet(
    campaigns: Iterable[msgspec.Raw],
    groups: Iterable[msgspec.Raw],
    ads: Iterable[msgspec.Raw],
    reject: Callable[[str, str, str, str], None],
    degrade: Callable[[str, str, str, str], None] = lambda *_: None,
) -> Cabinet:
    """Decode the listings.

    A record that a figure needs and that is unreadable goes to ``reject(dataset, key, path, reason)``, a field
    that was left empty or a text that was mended to ``degrade``, likewise.
    """

    def decoded(dataset: str, kind: type[R], raws: Iterable[msgspec.Raw], texts: Collection[str]) -> dict[int, R]:
        found: dict[int, R] = {}
        for raw in raws:
            noted: list[tuple[str, str]] = []
            try:
                record = decode_record(kind, raw, lambda *note, to=noted: to.append(note))
            except UnreadableError as error:
                reject(dataset, "?", error.path, error.reason)
                continue
            # what else it holds is text of no column, but for an ad's title
            record = with_clean_texts(record, texts, lambda *note, to=noted: to.append(note))
            if isinstance(record, Ad):
                noted_text(record.title, "$.Title", lambda *note, to=noted: to.append(note))
            one = int(record.id)  # type: ignore[attr-defined]
            found[one] = record
            for path, reason in noted:
                degrade(dataset, str(one), path, reason)
        return found

    return Cabinet(
        decoded("campaigns", Campaign, campaigns, ("name", "type", "state")),
        decoded("ad_groups", AdGroup, groups, ("name",)),
        decoded("ads", Ad, ads, ("type", "state", "status")),
    )


def ad_rows(
    account: str,
    cabinet: Cabinet,
    staged: Collection[Staged],
    names: Mapping[int, CampaignName],
    known: Collection[str],
    book: CityBook,
    *,
    today: date,
    version: int,
) -> tuple[list[Row], list[Attribution]]:
    """Rows of ``zakaz.dim_yandex_direct_ads`` and the attribution behind each.

    Parameters:
        staged: ads with statistics; of those that are not listed a row tells at least the campaign.
        names: what the reports call campaigns; no service lists those that Direct makes by itself.
        known: ids that the dimension holds: what is no longer listed keeps what it was called.
    """
    first_days: dict[int, date] = {}
    for one in staged:
        first_days[one.ad_id] = min(one.first, first_days.get(one.ad_id, one.first))
    rows: list[Row] = []
    attributions: list[Attribution] = []

    def put(mart_id: str, ad: Ad | None, group_id: int, campaign_id: int) -> None:
        group, campaign = cabinet.groups.get(group_id), cabinet.campaigns.get(campaign_id)
        told = names.get(campaign_id, CampaignName("", ""))
        campaign_name = (campaign.name if campaign else "") or told.name
        campaign_type = (campaign.type if campaign else "") or told.type
        campaign_state = (campaign.state if campaign else "") or ""
        group_name = (group.name if group else "") or ""
        href, link, utm, number, name = "", "", Utm(), 0, ""
        kind, state, status = campaign_type, campaign_state, ""
        if ad is not None:
            number, href, name = int(ad.id), ad.href, clean_text(ad.title)
            kind, state, status = ad.type or "", ad.state or "", ad.status or ""
            link = final_link(href, group.tracking_params if group else None, campaign.tracking if campaign else None)
            macros = ad_macros(ad_id=number, group_id=group_id, campaign_id=campaign_id, campaign_name=campaign_name)
            utm = final_utm(link, macros)
        found = attribute(
            utm=utm,
            url=href,
            names=(name, group_name, campaign_name),
            ad_id=number,
            book=book,
            created=first_days.get(number) if number else None,
            today=today,
        )
        attributions.append(found)
        rows.append(
            (
                account, mart_id, name, kind, state, status, group_id, group_name, campaign_id, campaign_name,
                campaign_type, campaign_state, *utm, found.city, found.event_date, found.method, public_url(link),
                version,
            )
        )  # fmt: skip

    for ad_id, ad in cabinet.ads.items():
        group_id = int(ad.ad_group_id or 0)
        group = cabinet.groups.get(group_id)
        put(str(ad_id), ad, group_id, int(ad.campaign_id or (group.campaign_id if group else 0) or 0))
    done: set[str] = {str(ad_id) for ad_id in cabinet.ads}
    for one in staged:
        if one.mart_id in done:
            continue
        done.add(one.mart_id)
        is_named = not one.ad_id and (one.campaign_id in names or one.campaign_id in cabinet.campaigns)
        if is_named or one.mart_id not in known:
            put(one.mart_id, None, one.ad_group_id, one.campaign_id)
    return rows, attributions
