"""``get`` of campaigns, ad groups, ads and clients: selection, fields, pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from api_sandbox.season.moscow_time import day_of, today
from api_sandbox.season.records import AdGroup
from api_sandbox.yandex_direct.cabinets import Ad, Campaign, DirectAccount
from api_sandbox.yandex_direct.errors import DirectError, malformed
from api_sandbox.yandex_direct.vat import rate

MOST_OBJECTS = 10_000
_Fields = Mapping[str, Callable[[DirectAccount, Any], Any]]

CAMPAIGN_FIELDS: _Fields = {
    "Id": lambda account, one: one.id,
    "Name": lambda account, one: one.name,
    "Type": lambda account, one: one.type,
    "State": lambda account, one: one.status,
    "Status": lambda account, one: "ACCEPTED",
    "StatusPayment": lambda account, one: "ALLOWED",
    "StartDate": lambda account, one: day_of(one.created_at).isoformat(),
    "EndDate": lambda account, one: None,
    "Currency": lambda account, one: account.currency,
    "TimeZone": lambda account, one: "Europe/Moscow",
    "ClientInfo": lambda account, one: account.email,
    "Statistics": lambda account, one: {"Clicks": 0, "Impressions": 0},
    "Funds": lambda account, one: {"Mode": "SHARED_ACCOUNT_FUNDS", "SharedAccountFunds": {"Refund": 0, "Spend": 0}},
}
_OF_CAMPAIGN_TYPE: _Fields = {
    "TrackingParams": lambda account, one: one.tracking or None,
    "CounterIds": lambda account, one: {"Items": [90_000_000 + account.user_id]} if one.counter else None,
    "AttributionModel": lambda account, one: "AUTO",
}
# Structure of a campaign's type → the list of fields asked of it.
CAMPAIGN_TYPES = {
    "TEXT_CAMPAIGN": ("TextCampaign", "TextCampaignFieldNames"),
    "UNIFIED_CAMPAIGN": ("UnifiedCampaign", "UnifiedCampaignFieldNames"),
    "DYNAMIC_TEXT_CAMPAIGN": ("DynamicTextCampaign", "DynamicTextCampaignFieldNames"),
    "SMART_CAMPAIGN": ("SmartCampaign", "SmartCampaignFieldNames"),
}
GROUP_FIELDS: _Fields = {
    "Id": lambda account, one: one.id,
    "Name": lambda account, one: one.name,
    "CampaignId": lambda account, one: one.plan_id,
    "RegionIds": lambda account, one: [213],
    "Status": lambda account, one: one.status,
    "ServingStatus": lambda account, one: "ELIGIBLE",
    "Type": lambda account, one: _group_type(account, one),
    "Subtype": lambda account, one: "NONE",
    "TrackingParams": lambda account, one: one.utm or None,
}
AD_FIELDS: _Fields = {
    "Id": lambda account, one: one.id,
    "CampaignId": lambda account, one: account.campaign_of(one).id,
    "AdGroupId": lambda account, one: one.group_id,
    "State": lambda account, one: one.status,
    "Status": lambda account, one: "ACCEPTED",
    "StatusClarification": lambda account, one: "Идут показы" if one.status == "ON" else "Показы остановлены",
    "Type": lambda account, one: one.type,
    "Subtype": lambda account, one: "NONE",
}
_OF_TEXT_AD: _Fields = {
    "Title": lambda account, one: one.name,
    "Title2": lambda account, one: None,
    "Text": lambda account, one: "Выберите место и купите билет",
    "Href": lambda account, one: one.url or None,
    "Mobile": lambda account, one: "NO",
    "DisplayDomain": lambda account, one: "afisha.example.com",
}
_OF_DYNAMIC_AD: _Fields = {
    "Text": lambda account, one: "Выберите место и купите билет",
}
_OF_RESPONSIVE_AD: _Fields = {
    "Titles": lambda account, one: [one.name],
    "Texts": lambda account, one: ["Выберите место и купите билет"],
    "Href": lambda account, one: one.url,
}
# Structure of an ad's type, the list of fields asked of it, and those there are.
AD_TYPES: Mapping[str, tuple[str, str, _Fields]] = {
    "TEXT_AD": ("TextAd", "TextAdFieldNames", _OF_TEXT_AD),
    "RESPONSIVE_AD": ("ResponsiveAd", "ResponsiveAdFieldNames", _OF_RESPONSIVE_AD),
    "DYNAMIC_TEXT_AD": ("DynamicTextAd", "DynamicTextAdFieldNames", _OF_DYNAMIC_AD),
}
CLIENT_FIELDS: _Fields = {
    "Login": lambda account, one: account.name,
    "ClientId": lambda account, one: account.user_id,
    "ClientInfo": lambda account, one: f"Владелец {account.user_id}",
    "Currency": lambda account, one: account.currency,
    "VatRate": lambda account, one: rate(account.currency, today()) or None,
    "Type": lambda account, one: "CLIENT",
    "CountryId": lambda account, one: 225,
    "CreatedAt": lambda account, one: "2020-01-01",
    "Archived": lambda account, one: "NO",
    "Phone": lambda account, one: None,
    "AccountQuality": lambda account, one: None,
    "Representatives": lambda account, one: [{"Login": account.name, "Email": account.email, "Role": "CHIEF"}],
}


def _group_type(account: DirectAccount, group: AdGroup) -> str:
    kinds = {"UNIFIED_CAMPAIGN": "UNIFIED_AD_GROUP", "DYNAMIC_TEXT_CAMPAIGN": "DYNAMIC_TEXT_AD_GROUP"}
    return kinds.get(account.campaigns[group.plan_id].type, "TEXT_AD_GROUP")


def _shown(fields: _Fields, names: Any, key: str, account: DirectAccount, one: Any) -> dict[str, Any]:
    return {name: fields[name](account, one) for name in _known(fields, names, key)}


def _known(fields: _Fields, names: Any, key: str) -> list[str]:
    if not isinstance(names, list) or not names:
        raise malformed(f"{key}: ожидается непустой массив")
    if unknown := [name for name in names if name not in fields]:
        raise malformed(f"{key}: недопустимое значение {unknown[0]}")
    return names


def _ids(criteria: Mapping[str, Any], key: str, most: int) -> set[int] | None:
    if key not in criteria:
        return None
    found = criteria[key]
    if not isinstance(found, list) or not found or not all(isinstance(one, int) for one in found):
        raise malformed(f"SelectionCriteria: {key} — непустой массив целых чисел")
    if len(found) > most:
        raise DirectError(4001, f"Массив {key} не может содержать более {most} элементов")
    return set(found)


def _chosen(criteria: Mapping[str, Any], key: str, value: str, default: bool = True) -> bool:
    return value in criteria[key] if key in criteria else default


def _criteria(params: Mapping[str, Any], keys: Iterable[str]) -> Mapping[str, Any]:
    criteria = params.get("SelectionCriteria", {})
    if not isinstance(criteria, dict):
        raise malformed("SelectionCriteria: ожидается структура")
    if unknown := sorted(criteria.keys() - set(keys)):
        raise malformed(f"SelectionCriteria: неизвестный параметр {unknown[0]}")
    return criteria


def page(name: str, rows: list[dict[str, Any]], params: Mapping[str, Any], most: int) -> dict[str, Any]:
    """One page of a listing, ``LimitedBy`` when more follow; nothing found is an empty result. Raises DirectError."""
    asked = params.get("Page") or {}
    limit, offset = asked.get("Limit", MOST_OBJECTS), asked.get("Offset", 0)
    if not isinstance(limit, int) or not 1 <= limit <= MOST_OBJECTS or not isinstance(offset, int) or offset < 0:
        raise malformed(f"Page: Limit от 1 до {MOST_OBJECTS}, Offset от 0")
    end = offset + min(limit, most)
    found: dict[str, Any] = {name: rows[offset:end]} if rows[offset:end] else {}
    return found | ({"LimitedBy": end} if end < len(rows) else {})


def campaigns(account: DirectAccount, params: Mapping[str, Any], *, unified: bool) -> list[dict[str, Any]]:
    """Campaigns but those of the Wizard; unified ones where the base knows them. Raises DirectError."""
    criteria = _criteria(params, ("Ids", "Types", "States", "Statuses", "StatusesPayment"))
    ids = _ids(criteria, "Ids", 1000)
    found = []
    for one in account.campaigns.values():
        if one.wizard or (one.type == "UNIFIED_CAMPAIGN" and not unified) or (ids is not None and one.id not in ids):
            continue
        if _chosen(criteria, "Types", one.type) and _state(criteria, one.status):
            shown = _shown(CAMPAIGN_FIELDS, params.get("FieldNames"), "FieldNames", account, one)
            found.append(shown | _by_type(account, params, one))
    return found


def _by_type(account: DirectAccount, params: Mapping[str, Any], one: Campaign) -> dict[str, Any]:
    structure, key = CAMPAIGN_TYPES.get(one.type, ("", ""))
    return {structure: _shown(_OF_CAMPAIGN_TYPE, params[key], key, account, one)} if key in params else {}


def _state(criteria: Mapping[str, Any], state: str) -> bool:
    """Archived ones come when they are asked for by name."""
    return _chosen(criteria, "States", state, default=state != "ARCHIVED")


def ad_groups(account: DirectAccount, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Ad groups by campaigns or ids. Raises DirectError."""
    criteria = _criteria(params, ("Ids", "CampaignIds", "Types", "Statuses", "ServingStatuses", "TagIds", "Tags"))
    ids, campaign_ids = _ids(criteria, "Ids", MOST_OBJECTS), _ids(criteria, "CampaignIds", 10)
    if ids is None and campaign_ids is None:
        raise DirectError(4001, "Необходимо указать Ids или CampaignIds")
    return [
        _shown(GROUP_FIELDS, params.get("FieldNames"), "FieldNames", account, one)
        for one in account.groups.values()
        if not account.campaigns[one.plan_id].wizard
        and (ids is None or one.id in ids)
        and (campaign_ids is None or one.plan_id in campaign_ids)
        and _chosen(criteria, "Types", _group_type(account, one))
        and _chosen(criteria, "Statuses", one.status)
    ]


def ads(account: DirectAccount, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Ads by campaigns, groups or ids. Raises DirectError."""
    criteria = _criteria(params, ("Ids", "CampaignIds", "AdGroupIds", "Types", "States", "Statuses", "Mobile"))
    ids, campaign_ids = _ids(criteria, "Ids", MOST_OBJECTS), _ids(criteria, "CampaignIds", 10)
    group_ids = _ids(criteria, "AdGroupIds", 1000)
    if ids is None and campaign_ids is None and group_ids is None:
        raise DirectError(4001, "Необходимо указать Ids, AdGroupIds или CampaignIds")
    return [
        _shown(AD_FIELDS, params.get("FieldNames"), "FieldNames", account, one) | _by_structure(account, params, one)
        for one in account.ads.values()
        if not account.campaign_of(one).without_ads
        and (ids is None or one.id in ids)
        and (group_ids is None or one.group_id in group_ids)
        and (campaign_ids is None or account.campaign_of(one).id in campaign_ids)
        and _chosen(criteria, "Types", one.type)
        and _state(criteria, one.status)
    ]


def _by_structure(account: DirectAccount, params: Mapping[str, Any], one: Ad) -> dict[str, Any]:
    structure, key, fields = AD_TYPES[one.type]
    return {structure: _shown(fields, params[key], key, account, one)} if key in params else {}


def clients(accounts: Iterable[DirectAccount], params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Advertisers: the one the request is about, or those of an agency. Raises DirectError."""
    criteria = _criteria(params, ("Logins", "Archived"))
    return [
        _shown(CLIENT_FIELDS, params.get("FieldNames"), "FieldNames", account, None)
        for account in accounts
        if _chosen(criteria, "Logins", account.name) and criteria.get("Archived", "NO") == "NO"
    ]
