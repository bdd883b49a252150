"""From VK's records to rows of the warehouse. Pure functions, no input or output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

import msgspec
from zakaz_common.moscow import moscow_day, parse_time

from .attribution import Attribution, CityBook, attribute, banner_utm, public_url
from .records import AdGroup, AdPlan, Banner, Day, StatisticsItem
from .statistics import Slice

#: Called with the record's key, the place in it and the reason.
Reject = Callable[[str, str, str], None]
Row = tuple[Any, ...]
R = TypeVar("R")

CURRENCY = "RUB"  # VK Реклама bills in roubles only
_KOPECK = Decimal("0.01")

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

_decode_plan = msgspec.json.Decoder(AdPlan).decode
_decode_group = msgspec.json.Decoder(AdGroup).decode
_decode_banner = msgspec.json.Decoder(Banner).decode
_decode_item = msgspec.json.Decoder(StatisticsItem).decode
_decode_day = msgspec.json.Decoder(Day).decode


@dataclass(frozen=True, slots=True)
class Cabinet:
    """The objects of one cabinet by id."""

    plans: Mapping[int, AdPlan]
    groups: Mapping[int, AdGroup]
    banners: Mapping[int, Banner]

    def placement(self, banner_id: int) -> tuple[int, int]:
        """(plan id, group id) of a banner; 0 for a plan whose group is not listed."""
        group_id = int(self.banners[banner_id].ad_group_id)
        group = self.groups.get(group_id)
        return (int(group.ad_plan_id) if group else 0), group_id


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
) -> Cabinet:
    """Decode the listings strictly; what does not decode goes to ``reject(dataset, key, path, reason)``."""

    def decoded(dataset: str, pairs: Iterable[tuple[int, msgspec.Raw]], decode: Callable[..., R]) -> dict[int, R]:
        found: dict[int, R] = {}
        for one, raw in pairs:
            try:
                found[one] = decode(raw)
            except msgspec.DecodeError as error:
                reject(dataset, str(one), *_place_and_reason(error))
        return found

    return Cabinet(
        decoded("ad_plans", plans, _decode_plan),
        decoded("ad_groups", groups, _decode_group),
        decoded("banners", banners, _decode_banner),
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
        group_name, plan_name = group.name if group else "", plan.name if plan else ""
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
            names=(banner.name, group_name, plan_name),
            banner_id=banner_id,
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
                found.method,
                public_url(banner.url),
                version,
            )
        )
    return rows, attributions


def daily_rows(
    account: str, piece: Slice, cabinet: Cabinet, *, vat_rate: Decimal, version: int, reject: Reject
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
            item = _decode_item(raw)
        except msgspec.DecodeError as error:
            reject(f"{account}/?", *_place_and_reason(error))
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
            try:
                day = _decode_day(raw_day)
                if not piece.first <= day.date <= piece.last:
                    raise msgspec.ValidationError("a day outside of the dates asked for - at `$.date`")
            except msgspec.DecodeError as error:
                complete = False
                reject(f"{account}/{banner_id}", *_place_and_reason(error))
                continue
            base = day.base
            spend = Decimal(base.spent).quantize(_KOPECK, ROUND_HALF_UP)
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
                        CURRENCY,
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


def _place_and_reason(error: msgspec.DecodeError) -> tuple[str, str]:
    """JSON path and reason of a decoding error; msgspec names types and places, not values."""
    reason, _, place = str(error).partition(" - at `")
    return place.rstrip("`") or "$", reason
