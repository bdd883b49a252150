"""``changes``: what changed since a moment, statistics of past days too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from api_sandbox.season.moscow_time import now
from api_sandbox.yandex_direct.cabinets import DirectAccount
from api_sandbox.yandex_direct.errors import DirectError, malformed

_MOST_CAMPAIGNS = 3000
_FIELDS = ("CampaignIds", "AdGroupIds", "AdIds", "CampaignsStat")


def check(account: DirectAccount, params: Mapping[str, Any]) -> dict[str, Any]:
    """What of these campaigns changed; ids nobody knows are in ``NotFound``. Raises DirectError."""
    ids, names = params.get("CampaignIds"), params.get("FieldNames")
    if not isinstance(ids, list) or not ids:
        raise malformed("CampaignIds: ожидается непустой массив")
    if len(ids) > _MOST_CAMPAIGNS:
        raise DirectError(4001, f"Массив CampaignIds не может содержать более {_MOST_CAMPAIGNS} элементов")
    if not isinstance(names, list) or not names or not set(names) <= set(_FIELDS):
        raise malformed("FieldNames: недопустимое значение")
    since = _moment(params)
    known = [number for number in ids if number in account.campaigns and not account.campaigns[number].wizard]
    groups = [one for one in account.groups.values() if one.plan_id in known]
    banners = [one for one in account.ads.values() if account.campaign_of(one).id in known]
    found: dict[str, list[Any]] = {
        "CampaignIds": [number for number in known if account.campaigns[number].updated_at >= since],
        "AdGroupIds": [one.id for one in groups if one.updated_at >= since],
        "AdIds": [
            one.id
            for one in banners
            if max(one.created_at, one.updated_at) >= since and not account.campaign_of(one).without_ads
        ],
        "CampaignsStat": [
            {"CampaignId": number, "BorderDate": day.isoformat()}
            for number, day in _borders(account, since).items()
            if number in known
        ],
    }
    answer: dict[str, Any] = {"Modified": {name: found[name] for name in names if found[name]}, "Timestamp": _stamp()}
    if missing := [number for number in ids if number not in known]:
        answer["NotFound"] = {"CampaignIds": missing}
    return answer


def check_campaigns(account: DirectAccount, params: Mapping[str, Any]) -> dict[str, Any]:
    """Which campaigns changed, and in what. Raises DirectError."""
    since = _moment(params)
    borders = _borders(account, since)
    found = []
    for campaign in account.campaigns.values():
        inside = [one for one in account.ads.values() if account.campaign_of(one) is campaign]
        changes = [
            name
            for name, changed in (
                ("SELF", campaign.updated_at >= since),
                ("CHILDREN", any(max(one.created_at, one.updated_at) >= since for one in inside)),
                ("STAT", campaign.id in borders),
            )
            if changed
        ]
        if changes and not campaign.wizard:
            found.append({"CampaignId": campaign.id, "ChangesIn": changes})
    return ({"Campaigns": found} if found else {}) | {"Timestamp": _stamp()}


def _borders(account: DirectAccount, since: int) -> dict[int, date]:
    """Campaign → the earliest day whose statistics changed since then."""
    found: dict[int, date] = {}
    for moment, campaign, day in account.corrections:
        if moment >= since:
            found[campaign] = min(day, found.get(campaign, day))
    return found


def _moment(params: Mapping[str, Any]) -> int:
    try:
        return int(datetime.strptime(params["Timestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    except (KeyError, TypeError, ValueError):
        raise malformed("Timestamp: ожидается YYYY-MM-DDThh:mm:ssZ") from None


def _stamp() -> str:
    return datetime.fromtimestamp(now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
