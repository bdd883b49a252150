"""zakaz.dm_ads_daily and zakaz.dim_ads: VK's rows of what all sources of advertising share.

Every day has the city of the banner's attribution as known today, as sales have the city of their event as known
today: a quotient of the two compares like with like. The mart's own copy serves banners that are no longer in the
dimension. Days on which staging and mart differ, as after a killed run, are found by their checksums, days under
another city by the dimension; of such days only the rows that differ are written.

Rows of other sources are neither read nor written: what is deleted here is VK's alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from zakaz_common.city import UNATTRIBUTED
from zakaz_common.moscow import days_between
from zakaz_common.warehouse import Warehouse

from vk_ads import LOADER

_MART = "dm_ads_daily"
_KEY = ("d", "source", "account", "ad_id")
_VALUES = ("city", "campaign_id", "group_id", "impressions", "clicks", "goals", "spend", "vat_rate", "currency")
_OURS = f"source = '{LOADER}'"
_KNOWN_CITY = f"if(city = '', '{UNATTRIBUTED}', city)"
# VK numbers what it has; 0 is what staging holds of a plan or a group that VK did not list
_AD = "toString(banner_id)"
_PLAN = "if(ad_plan_id = 0, '', toString(ad_plan_id))"
_GROUP = "if(ad_group_id = 0, '', toString(ad_group_id))"

_ADS = "dim_ads"
_ADS_KEY = ("source", "account", "ad_id")
_ADS_VALUES: Mapping[str, str] = {
    "name": "name",
    "group_name": "ad_group_name",
    "campaign_name": "ad_plan_name",
    **{mark: mark for mark in ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")},
}

# The mart of before, filled for one release more for those who read it and for a rollback: the same rows with VK's own
# names and numbers. Written first, so that it is never behind: the schema's seed copies from it what the mart of all
# sources lacks (templates/ddl/391_zakaz.dm_ads_daily.seed.sql.j2). Both go together.
_FORMER_MART = "dm_vk_ads_daily"
_FORMER_KEY = ("d", "account", "banner_id")
_FORMER_VALUES = ("city", "ad_plan_id", "ad_group_id", "impressions", "clicks", "spend", "currency")


def refresh_ads(warehouse: Warehouse) -> int:
    """Bring names and UTM of VK's ads up to date with its banners; returns the rows written."""
    named = ", ".join(f"{column} AS {name}" for name, column in _ADS_VALUES.items())
    desired = (
        f"SELECT '{LOADER}' AS source, account, {_AD} AS ad_id, {named} "  # noqa: S608
        f"FROM {warehouse.name('dim_vk_banners')} FINAL"
    )
    return warehouse.reconcile(_ADS, _ADS_KEY, list(_ADS_VALUES), desired, scope=_OURS)


def refresh_mart(warehouse: Warehouse, first: date, last: date) -> int:
    """Bring the mart up to date after [first, last] was read; returns the rows written."""
    days = set(days_between(first, last))
    days |= _days_that_differ(warehouse) | _days_under_another_city(warehouse)
    desired = _desired(warehouse)
    former = (
        "SELECT d, account, toUInt64OrZero(ad_id) AS banner_id, city, toUInt64OrZero(campaign_id) AS ad_plan_id, "  # noqa: S608
        f"toUInt64OrZero(group_id) AS ad_group_id, impressions, clicks, spend, currency FROM ({desired})"
    )
    warehouse.replace_mart_days(_FORMER_MART, _FORMER_KEY, _FORMER_VALUES, former, days)
    return warehouse.replace_mart_days(_MART, _KEY, _VALUES, desired, days, part=_OURS)


def _days_that_differ(warehouse: Warehouse) -> set[date]:
    figures = "impressions, clicks, spend, currency"
    former = f"account, banner_id, ad_plan_id, ad_group_id, {figures}"
    mart = f"account, ad_id, campaign_id, group_id, {figures}, goals, vat_rate"
    staging = f"account, {_AD}, {_PLAN}, {_GROUP}, {figures}, goals, vat_rate"
    ours = "stg_vk_ads_daily"
    return _differing(warehouse, (ours, staging, "1"), (_MART, mart, _OURS)) | _differing(
        warehouse, (ours, former, "1"), (_FORMER_MART, former, "1")
    )


def _differing(warehouse: Warehouse, *sides: tuple[str, str, str]) -> set[date]:
    """Days on which two tables differ; each side is the table, what is compared of it, and which of its rows."""
    each = " UNION ALL ".join(
        f"SELECT d, count() AS rows, groupBitXor(cityHash64({checked})) AS content "  # noqa: S608
        f"FROM {warehouse.name(table)} FINAL WHERE {rows} GROUP BY d"
        for table, checked, rows in sides
    )
    return {
        row[0]
        for row in warehouse.query(
            f"SELECT d FROM ({each}) GROUP BY d HAVING count() = 1 OR uniqExact(rows, content) > 1"  # noqa: S608
        )
    }


def _days_under_another_city(warehouse: Warehouse) -> set[date]:
    banners = warehouse.name("dim_vk_banners")
    return {
        row[0]
        for row in warehouse.query(
            f"SELECT DISTINCT m.d FROM {warehouse.name(_MART)} AS m FINAL "  # noqa: S608
            f"ALL INNER JOIN (SELECT account, {_AD} AS ad_id, {_KNOWN_CITY} AS known_city FROM {banners} FINAL) AS b "
            f"ON b.account = m.account AND b.ad_id = m.ad_id WHERE m.{_OURS} AND m.city != b.known_city"
        )
    }


def _desired(warehouse: Warehouse) -> str:
    # The bounds let the engine skip parts; the exact list of days is the caller's scope.
    days = "d >= arrayMin({days:Array(Date)}) AND d <= arrayMax({days:Array(Date)})"
    staging, banners, mart = (warehouse.name(n) for n in ("stg_vk_ads_daily", "dim_vk_banners", _MART))
    return (
        f"SELECT s.d AS d, '{LOADER}' AS source, s.account AS account, s.ad_id AS ad_id, "  # noqa: S608
        # A banner out of the dimension joins as '', one in it has a city or 'unattributed'.
        f"coalesce(nullIf(b.known_city, ''), nullIf(m.city, ''), '{UNATTRIBUTED}') AS city, "
        "s.campaign_id AS campaign_id, s.group_id AS group_id, s.impressions AS impressions, "
        "s.clicks AS clicks, s.goals AS goals, s.spend AS spend, s.vat_rate AS vat_rate, s.currency AS currency "
        f"FROM (SELECT d, account, {_AD} AS ad_id, {_PLAN} AS campaign_id, {_GROUP} AS group_id, "
        f"impressions, clicks, goals, spend, vat_rate, currency FROM {staging} FINAL WHERE {days}) AS s "
        f"LEFT ANY JOIN (SELECT account, {_AD} AS ad_id, {_KNOWN_CITY} AS known_city FROM {banners} FINAL) AS b "
        "ON b.account = s.account AND b.ad_id = s.ad_id "
        f"LEFT ANY JOIN (SELECT d, account, ad_id, city FROM {mart} FINAL WHERE {_OURS} AND {days}) AS m "
        "ON m.d = s.d AND m.account = s.account AND m.ad_id = s.ad_id"
    )
