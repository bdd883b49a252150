"""Listings of the VK Реклама API: ad plans, ad groups and banners with fields, filters and offsets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from api_sandbox.season.moscow_time import iso, parse_iso
from api_sandbox.season.records import Account
from api_sandbox.vk_ads.errors import ApiError, wrong_parameter

DEFAULT_LIMIT = 20
MAX_LIMIT = 50  # by the document; a larger number is answered with 50 rows
_STATUSES = ("active", "blocked", "deleted")


def _time(second: int) -> str:
    """``2026-11-03 12:00:00``: Moscow time without a zone."""
    return str(iso(second))[:19].replace("T", " ")


Row = Any
_COMMON: dict[str, Callable[[Row, Account], Any]] = {
    "id": lambda row, account: row.id,
    "name": lambda row, account: row.name,
    "status": lambda row, account: row.status,
    "created": lambda row, account: _time(row.created_at),
    "updated": lambda row, account: _time(row.updated_at),
}
_BUDGET: dict[str, Callable[[Row, Account], Any]] = {
    "budget_limit": lambda row, account: "0",
    "budget_limit_day": lambda row, account: "15000.00",
    "date_start": lambda row, account: _time(row.created_at)[:10],
    "date_end": lambda row, account: None,
    "objective": lambda row, account: "site_conversions",
}
FIELDS: dict[str, dict[str, Callable[[Row, Account], Any]]] = {
    "ad_plans": _COMMON
    | _BUDGET
    | {
        "vkads_status": lambda row, account: {"status": row.status, "codes": []},
    },
    "ad_groups": _COMMON
    | _BUDGET
    | {
        "ad_plan_id": lambda row, account: row.plan_id,
        "enable_utm": lambda row, account: row.enable_utm,
        "utm": lambda row, account: row.utm,
        "package_id": lambda row, account: 3127,
        "delivery": lambda row, account: "pending",
    },
    "banners": _COMMON
    | {
        "ad_group_id": lambda row, account: row.group_id,
        "urls": lambda row, account: {"primary": {"id": row.id + 500_000_000, "url": row.url}},
        "textblocks": lambda row, account: {"title_40_vkads": {"text": row.name}},
        "moderation_status": lambda row, account: "allowed",
        "delivery": lambda row, account: "delivering" if row.status == "active" else "not_delivering",
    },
}
_DEFAULT_FIELDS = {"ad_plans": ("id", "name"), "ad_groups": ("id", "name"), "banners": ("id", "ad_group_id")}
_ROWS: dict[str, Callable[[Account], Mapping[int, Row]]] = {
    "ad_plans": lambda account: account.plans,
    "ad_groups": lambda account: account.groups,
    "banners": lambda account: account.banners,
}


def listing(account: Account, kind: str, query: Mapping[str, str]) -> dict[str, Any]:
    """``{"count", "offset", "items"}`` of a listing request. Raises ApiError.

    Deleted objects come only when ``_status__in`` asks for them; a ``limit`` above 50 gives 50 rows.
    """
    fields = query.get("fields", "").split(",") if query.get("fields") else list(_DEFAULT_FIELDS[kind])
    fields = [field.strip() for field in fields if field.strip()]
    known = FIELDS[kind]
    if unknown := [field for field in fields if field not in known]:
        raise wrong_parameter(f"fields: unknown {', '.join(unknown)}")
    limit = min(_number(query, "limit", DEFAULT_LIMIT, 1), MAX_LIMIT)
    offset = _number(query, "offset", 0, 0)
    rows = [row for row in _ROWS[kind](account).values() if _matches(row, kind, query)]
    sorting = query.get("sorting", "id")
    field = sorting.lstrip("-")
    if field not in ("id", "name", "status", "created", "updated"):
        raise wrong_parameter(f"sorting: {sorting}")
    rows.sort(key=lambda row: (known[field](row, account), row.id), reverse=sorting.startswith("-"))
    items = [{field: known[field](row, account) for field in fields} for row in rows[offset : offset + limit]]
    return {"count": len(rows), "offset": offset, "items": items}


def _number(query: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or int(text) < least:
        raise wrong_parameter(f"{name}: expected a number from {least}, found {text!r}")
    return int(text)


def _matches(row: Row, kind: str, query: Mapping[str, str]) -> bool:
    statuses = query.get("_status__in", "active,blocked").split(",")
    if bad := [status for status in statuses if status not in _STATUSES]:
        raise wrong_parameter(f"_status__in: {', '.join(bad)}")
    if row.status not in statuses:
        return False
    for name, attribute in (
        ("_id__in", "id"),
        ("_ad_plan_id__in", "plan_id"),
        ("_ad_group_id__in", "group_id"),
    ):
        if name in query and hasattr(row, attribute) and str(getattr(row, attribute)) not in query[name].split(","):
            return False
    if "_updated__gte" in query:
        try:
            return row.updated_at >= parse_iso(query["_updated__gte"])
        except ValueError as error:
            raise ApiError(400, "ERR_WRONG_DATE", f"_updated__gte: {error}") from error
    return True
