"""Daily statistics of the VK Реклама API (v2 ``day.json``) at every level of the cabinet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from api_sandbox.season.moscow_time import today
from api_sandbox.season.records import Account, Banner, DayStat
from api_sandbox.season.truth import roubles
from api_sandbox.vk_ads.errors import ApiError, wrong_parameter

MAX_IDS = 200
MAX_DAYS = 366
LEVELS = ("banners", "ad_groups", "ad_plans", "users")
_METRICS = frozenset({"base", "all"})


def day_statistics(
    account: Account, level: str, query: Mapping[str, str], hidden_ids: frozenset[int]
) -> dict[str, Any]:
    """Rows by id and day; ``hidden_ids`` answer as unknown although listed. Raises ApiError."""
    ids = _ids(query)
    first, last = _dates(query)
    if unknown := set(query.get("metrics", "base").split(",")) - _METRICS:
        raise wrong_parameter(f"metrics: {', '.join(sorted(unknown))}")
    members = _members(account, level)
    if any(number not in members or number in hidden_ids for number in ids):
        # The live service does not say which of them it was.
        raise ApiError(404, "ERR_WRONG_IDS", "Wrong ids")
    grand = DayStat(0, 0, 0, 0)
    items = []
    for number in ids:
        days = _merge(members[number], first, last)
        total = DayStat(0, 0, 0, 0)
        for stat in days.values():
            _add(total, stat)
        _add(grand, total)
        items.append(
            {
                "id": number,
                "rows": [{"date": day.isoformat(), "base": _base(stat)} for day, stat in sorted(days.items())],
                "total": {"base": _base(total)},
            }
        )
    return {"items": items, "total": {"base": _base(grand)}}


def _ids(query: Mapping[str, str]) -> list[int]:
    parts = [part.strip() for part in query.get("id", "").split(",") if part.strip()]
    if not parts or not all(part.isdecimal() for part in parts):
        raise wrong_parameter("id: expected numbers with commas")
    if len(parts) > MAX_IDS:
        raise ApiError(400, "ERR_LIMIT_EXCEEDED", f"id: at most {MAX_IDS}, found {len(parts)}")
    return list(dict.fromkeys(map(int, parts)))


def _dates(query: Mapping[str, str]) -> tuple[date, date]:
    try:
        first = date.fromisoformat(query["date_from"])
        last = date.fromisoformat(query["date_to"]) if "date_to" in query else today()
    except (KeyError, ValueError) as error:
        raise ApiError(400, "ERR_WRONG_DATE", f"date_from, date_to: {error}") from error
    if last < first or last - first >= timedelta(days=MAX_DAYS):
        raise ApiError(400, "ERR_WRONG_DATE", f"expected 1 to {MAX_DAYS} days, found {first} to {last}")
    return first, last


def _members(account: Account, level: str) -> dict[int, list[Banner]]:
    """Banners below every object of the level."""
    if level == "banners":
        return {banner.id: [banner] for banner in account.banners.values()}
    members: dict[int, list[Banner]] = {}
    if level == "users":
        members[account.user_id] = list(account.banners.values())
        return members
    members = {key: [] for key in (account.groups if level == "ad_groups" else account.plans)}
    for banner in account.banners.values():
        group = account.groups[banner.group_id]
        members[group.id if level == "ad_groups" else group.plan_id].append(banner)
    return members


def _merge(banners: Iterable[Banner], first: date, last: date) -> dict[date, DayStat]:
    days: dict[date, DayStat] = {}
    for banner in banners:
        for day, stat in banner.days.items():
            if first <= day <= last:
                _add(days.setdefault(day, DayStat(0, 0, 0, 0)), stat)
    return days


def _add(total: DayStat, stat: DayStat) -> None:
    total.shows += stat.shows
    total.clicks += stat.clicks
    total.goals += stat.goals
    total.spent += stat.spent


def _base(stat: DayStat) -> dict[str, Any]:
    """The ``base`` metric set; decimals are strings, ``ctr`` is a number of percent."""
    return {
        "shows": stat.shows,
        "clicks": stat.clicks,
        "goals": stat.goals,
        "spent": _decimal(stat.spent),
        "cpm": _decimal(round(stat.spent * 1000 / stat.shows)) if stat.shows else "0",
        "cpc": _decimal(round(stat.spent / stat.clicks)) if stat.clicks else "0",
        "ctr": round(stat.clicks / stat.shows * 100, 4) if stat.shows else 0,
        "vk": {"goals": stat.goals},
    }


def _decimal(kopecks: int) -> str:
    return roubles(kopecks) if kopecks else "0"
