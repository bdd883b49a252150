"""From VK's records to rows of the warehouse. Pure functions, no input or output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import msgspec
from zakaz_common.attribution.rules import Attribution, CityBook, attribute, public_url
from zakaz_common.money import FRACTION, MoneyError, exact_kopecks, rounded
from zakaz_common.moscow import moscow_day, parse_time
from zakaz_common.ranks import UnreadableError, decode_record, with_clean_texts

from vk_ads.banner_utm import banner_utm
from vk_ads.paging.statistics import Slice
from vk_ads.records import AdGroup, AdPlan, Banner, Day, Money, StatisticsItem

#: Called with the record's key, the place in it and the reason.
Reject = Callable[[str, str, str], None]
Row = tuple[Any, ...]
R = TypeVar("R", bound=msgspec.Struct)

DAILY_KEY = ("d", "account", "banner_id")
DAILY_COLUMNS = (
    *DAILY_KEY,
    "ad_plan_id",
    "ad_group_id",
    "impressions",
    "clicks",
    "goals",
    "spend",
    "vat_rate",
    "currency",
    "_ver",
)
BANNER_KEY = ("account", "banner_id")
BANNER_COLUMNS = (
    *BANNER_KEY,
    "name",
    "status",
    "ad_group_id",
    "ad_group_name",
    "ad_plan_id",
    "ad_plan_name",
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
#: What the dimension calls a way of attribution, where that is not the shared name: dashboards read it.
_METHODS = {"ad_id": "banner_utm"}


@dataclass(frozen=True, slots=True)
class Cabinet:
    """The objects of one cabinet by id."""

    plans: Mapping[int, AdPlan]
    groups: Mapping[int, AdGroup]
    banners: Mapping[int, Banner]

    def placement(self, banner_id: int) -> tuple[int, int]:
        """(plan id, group id) of a banner; 0 for a plan whose group is not listed."""
        group_id = int(self.banners[banner_id].ad_group_id or 0)
        group = self.groups.get(group_id)
        return int((group.ad_plan_id if group else 0) or 0), group_id


@dataclass(slots=True)
class DailyRows:
    """Rows of one statistics answer, and the banners it really answered for."""

    rows: list[Row] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)
    read: int = 0


def read_cabinet(
    plans: Iterable[tuple[int, msgspec.Raw]],
    groups: Iterable[tuple[int, msgspec.Raw]],
    banners: Iterable[tuple[int, msgspec.Raw]],
    reject: Callable[[str, str, str, str], None],
    degrade: Callable[[str, str, str, str], None] = lambda *_: None,
) -> Cabinet:
    """Decode the listings.

    A record that a figure needs and that is unreadable goes to ``reject(dataset, key, path, reason)``, a field
    that was left empty or a text that was mended to ``degrade``, likewise.
    """

    def decoded(dataset: str, kind: type[R], pairs: Iterable[tuple[int, msgspec.Raw]]) -> dict[int, R]:
        found: dict[int, R] = {}
        for one, raw in pairs:
            note = partial(degrade, dataset, str(one))
            try:
                # what else it holds is text of no column
                found[one] = with_clean_texts(decode_record(kind, raw, note), ("name", "status"), note)
            except UnreadableError as error:
                reject(dataset, str(one), error.path, error.reason)
        return found

    return Cabinet(
        decoded("ad_plans", AdPlan, plans), decoded("ad_groups", AdGroup, groups), decoded("banners", Banner, banners)
    )


def banner_rows(
    account: str, cabinet: Cabinet, book: CityBook, *, today: date, version: int
) -> tuple[list[Row], dict[int, Attribution]]:
    """Rows of ``zakaz.dim_vk_banners`` and the attribution behind each."""
    rows: list[Row] = []
    attributions: dict[int, Attribution] = {}
    for banner_id, banner in cabinet.banners.items():
        plan_id, group_id = cabinet.placement(banner_id)
        group = cabinet.groups.get(group_id)
        plan = cabinet.plans.get(plan_id)
        group_name, plan_name = (group.name if group else "") or "", (plan.name if plan else "") or ""
        utm = banner_utm(
            banner.url,
            enable_utm=group.enable_utm if group else None,
            group_utm=group.utm if group else None,
            banner_id=banner_id,
            group_id=group_id,
            plan_id=plan_id,
        )
        found = attribute(
            utm=utm,
            url=banner.url,
            names=(banner.name or "", group_name, plan_name),
            ad_id=banner_id,
            book=book,
            created=_created_day(banner.created),
            today=today,
        )
        attributions[banner_id] = found
        rows.append(
            (
                account,
                banner_id,
                banner.name,
                banner.status,
                group_id,
                group_name,
                plan_id,
                plan_name,
                *utm,
                found.city,
                found.event_date,
                _METHODS.get(found.method, found.method),
                public_url(banner.url),
                version,
            )
        )
    return rows, attributions


def daily_rows(
    account: str,
    piece: Slice,
    cabinet: Cabinet,
    *,
    currency: str,
    vat_rate: Decimal,
    version: int,
    reject: Reject,
    degrade: Reject = lambda *_: None,
) -> DailyRows:
    """Rows of ``zakaz.stg_vk_ads_daily`` from one statistics answer.

    Days on which nothing happened give no row, whether VK sends them as zeros or leaves them out. A banner
    that was asked for but is not in the answer is not in ``answered``: nothing is known of it.
    """
    result = DailyRows()
    asked = set(piece.ids)
    for raw in piece.items:
        result.read += 1
        try:
            item = decode_record(StatisticsItem, raw, partial(degrade, f"{account}/?"))
        except UnreadableError as error:
            reject(f"{account}/?", error.path, error.reason)
            continue
        banner_id = int(item.id)
        if banner_id not in asked:
            reject(f"{account}/{banner_id}", "$.id", "statistics of a banner that was not asked for")
            continue
        plan_id, group_id = cabinet.placement(banner_id)
        rows: list[Row] = []
        complete = True
        for raw_day in item.rows:
            result.read += 1
            note = partial(degrade, f"{account}/{banner_id}")
            try:
                day = decode_record(Day, raw_day, note)
                if not piece.first <= day.date <= piece.last:
                    raise UnreadableError("$.date", "a day outside of the dates asked for")
                exact = _exact(day.base.spent)
            except UnreadableError as error:
                complete = False
                reject(f"{account}/{banner_id}", error.path, error.reason)
                continue
            base = day.base
            whole = rounded(exact)
            if whole != exact:
                note("$.base.spent", FRACTION)
            spend = Decimal(whole).scaleb(-2)
            if base.shows or base.clicks or base.goals or spend:
                rows.append(
                    (
                        day.date,
                        account,
                        banner_id,
                        plan_id,
                        group_id,
                        base.shows,
                        base.clicks,
                        base.goals,
                        spend,
                        vat_rate,
                        currency,
                        version,
                    )
                )
        result.rows.extend(rows)
        if complete:
            result.answered.add(banner_id)
    return result


def _created_day(text: str | None) -> date | None:
    try:
        return moscow_day(parse_time(text)) if text else None
    except ValueError:
        return None


def _exact(spent: Money) -> Decimal:
    try:
        return exact_kopecks(spent)
    except MoneyError as error:
        raise UnreadableError("$.base.spent", str(error)) from None
