"""An account's campaigns, groups and ads: listed or taken from what is kept, and its ads put into the sink."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec
import structlog
from zakaz_common.attribution.rules import CityBook
from zakaz_common.moscow import moscow_day
from zakaz_common.run import RunContext
from zakaz_common.run_journal import DegradedField, RejectedRecord

from yandex_direct.access.refusals import UnitsUsedUp
from yandex_direct.client import YandexDirectClient
from yandex_direct.marks import SAFETY
from yandex_direct.objects.listing import ids_of
from yandex_direct.objects.rows import Cabinet, Staged, ad_rows, read_cabinet
from yandex_direct.sink import ADS, Sink
from yandex_direct.source import Source
from yandex_direct.transform import CampaignName, Money

log = structlog.get_logger()

#: How long a listing is good whatever was changed: one of thousands of ads costs half of a day's units.
_LISTED_FOR = timedelta(hours=3)
#: What a listing is called in the journal: two of them would share their names with the reports.
_LISTED = {"campaigns": "listed_campaigns", "ad_groups": "listed_ad_groups", "ads": "listed_ads"}


class Listings(msgspec.Struct):
    """Raw records of an account, kept between runs.

    Listing an account costs units by the object, of which there are so many a day: it is listed anew when something
    may have changed, at most every few hours, and not with each of the day's runs. Between, and while the units are
    used up, its ads are attributed from what is kept, for events and orders change.

    Parameters:
        listed_at: when, by the server's clock.
        tried_at: when they were last asked for, in vain or not.
        unlisted: ids of ads with statistics that the API does not list: they are no reason to look again.
        login: whose cabinet it is.
        money: what it spends in.
    """

    listed_at: datetime
    tried_at: datetime
    campaigns: list[msgspec.Raw] = []
    ad_groups: list[msgspec.Raw] = []
    ads: list[msgspec.Raw] = []
    unlisted: list[int] = []
    login: str = ""
    money: Money | None = None


def list_objects(source: Source, now: datetime) -> Listings:
    """Campaigns, groups and ads of an account as they are now."""
    campaigns = source.campaigns()
    ids = sorted(ids_of(campaigns))
    found = Listings(now, now, campaigns)
    if ids:
        found.ad_groups, found.ads = source.ad_groups(ids), source.ads(ids)
    return found


def current_listings(
    client: YandexDirectClient, found: Listings | None, staged: Sequence[Staged], now: datetime
) -> Listings:
    """The listings of an account: kept ones for some hours, and all day where nothing was changed or is unknown.

    Kept ones serve while the units are used up, too.
    """
    if found is not None and now - found.tried_at < _LISTED_FOR:
        return found
    with_statistics = {one.ad_id for one in staged if one.ad_id}
    try:
        if found is not None and moscow_day(found.listed_at) == moscow_day(now):
            is_whole = with_statistics <= ids_of(found.ads) | set(found.unlisted)
            if is_whole and not client.objects_changed(sorted(ids_of(found.campaigns)), found.listed_at - SAFETY):
                return found
        listed = list_objects(client, now)
    except UnitsUsedUp as error:
        if found is None:
            raise
        log.warning("units_used_up", cause=str(error), loaded="reports, with the objects kept")
        found.tried_at = now
        return found
    listed.unlisted = sorted(with_statistics - ids_of(listed.ads))
    return listed


def read_objects(context: RunContext, account: str, listings: Listings) -> Cabinet:
    """Campaigns, groups and ads of an account; records that cannot be used are rejected."""
    rejected: list[RejectedRecord] = []

    def reject(dataset: str, one: str, path: str, reason: str) -> None:
        rejected.append(RejectedRecord(_LISTED[dataset], f"{account}/{one}", path, reason))

    def degrade(dataset: str, one: str, path: str, reason: str) -> None:
        context.degrade([DegradedField(_LISTED[dataset], f"{account}/{one}", path, reason)])

    cabinet = read_cabinet(listings.campaigns, listings.ad_groups, listings.ads, reject, degrade)
    for dataset in ("campaigns", "ad_groups", "ads"):
        context.read(_LISTED[dataset], len(getattr(listings, dataset)), part=account)
    context.reject(rejected, part=account)
    return cabinet


def load_ads(
    account: str,
    sink: Sink,
    cabinet: Cabinet,
    staged: Collection[Staged],
    names: Mapping[int, CampaignName],
    known: Collection[str],
    book: CityBook,
    today: date,
) -> None:
    """Give the account's ads their cities and put them into the sink."""
    version = sink.begin(ADS)
    rows, attributions = ad_rows(account, cabinet, staged, names, known, book, today=today, version=version)
    unresolved = Counter(found.unresolved for found in attributions if found.unresolved)
    if unresolved:
        log.warning(
            "city_unknown",
            account=account,
            spellings=[name for name, _ in unresolved.most_common(20)],
            mend="name the spelling in a file for make import-city-aliases, or correct utm_content",
        )
    sink.ads(account, rows)
