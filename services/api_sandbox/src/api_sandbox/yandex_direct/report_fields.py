"""The columns of reports: what each means, and which go with which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from api_sandbox.yandex_direct.cabinets import DirectAccount
from api_sandbox.yandex_direct.facts import SEARCH, Fact, draw

MISSING = "--"


def _unless_wizard(value: Callable[[Fact], str]) -> Callable[[DirectAccount, Fact], str]:
    return lambda account, fact: MISSING if fact.campaign.wizard else value(fact)


def _month(day: date, months: int) -> date:
    return day.replace(month=(day.month - 1) // months * months + 1, day=1)


DIMENSIONS: Mapping[str, Callable[[DirectAccount, Fact], str]] = {
    "Date": lambda account, fact: fact.day.isoformat(),
    "Week": lambda account, fact: (fact.day - timedelta(days=fact.day.weekday())).isoformat(),
    "Month": lambda account, fact: _month(fact.day, 1).isoformat(),
    "Quarter": lambda account, fact: _month(fact.day, 3).isoformat(),
    "Year": lambda account, fact: _month(fact.day, 12).isoformat(),
    "CampaignId": lambda account, fact: str(fact.campaign.id),
    "CampaignName": lambda account, fact: fact.name,
    "CampaignType": lambda account, fact: fact.campaign.type,
    "AdGroupId": _unless_wizard(lambda fact: str(fact.group.id)),
    "AdGroupName": _unless_wizard(lambda fact: fact.group.name),
    "AdId": lambda account, fact: MISSING if fact.campaign.without_ads else str(fact.ad.id),
    "AdNetworkType": lambda account, fact: fact.network,
    "Device": lambda account, fact: (
        "DESKTOP" if fact.network == SEARCH and draw(fact.ad, fact.day, "d", 2) else "MOBILE"
    ),
    "AdFormat": lambda account, fact: "TEXT",
    "ClickType": lambda account, fact: "TITLE",
    "ClientLogin": lambda account, fact: account.name,
}
METRICS = ("Impressions", "Clicks", "Cost", "Ctr", "AvgCpc", "Conversions", "Revenue", "Sessions", "Bounces")
FIELDS = frozenset({*DIMENSIONS, *METRICS})
TIMES = frozenset({"Date", "Week", "Month", "Quarter", "Year"})
PERIODS = (
    "CUSTOM_DATE", "AUTO", "TODAY", "YESTERDAY", "THIS_WEEK_MON_TODAY", "LAST_WEEK", "THIS_MONTH", "LAST_MONTH",
    "ALL_TIME",
)  # fmt: skip
FILTERABLE = FIELDS - TIMES - {"CampaignName", "AdGroupName", "Sessions", "Bounces", "ClickType"}
SORTABLE = FIELDS
NOT_BY_CAMPAIGN = frozenset({"AdGroupId", "AdGroupName", "AdId"})
INCOMPATIBLE = {"ClickType": ("Impressions", "Ctr")}
OPERATORS = (
    "EQUALS", "NOT_EQUALS", "IN", "NOT_IN", "LESS_THAN", "GREATER_THAN", "STARTS_WITH_IGNORE_CASE",
    "STARTS_WITH_ANY_IGNORE_CASE", "DOES_NOT_START_WITH_IGNORE_CASE", "DOES_NOT_START_WITH_ALL_IGNORE_CASE",
)  # fmt: skip

# A field that does not split the rows of a report of this type but is told of each.
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "CUSTOM_REPORT": frozenset(),
    "AD_PERFORMANCE_REPORT": frozenset({"CampaignName", "CampaignType", "AdGroupName"}),
    "CAMPAIGN_PERFORMANCE_REPORT": frozenset({"CampaignName", "CampaignType"}),
}
# What its rows are split by whether or not it is asked for.
IMPLIED: Mapping[str, tuple[str, ...]] = {
    "CUSTOM_REPORT": (),
    "AD_PERFORMANCE_REPORT": ("CampaignId", "AdGroupId", "AdId"),
    "CAMPAIGN_PERFORMANCE_REPORT": ("CampaignId",),
}
