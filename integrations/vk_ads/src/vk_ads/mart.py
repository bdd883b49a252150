"""zakaz.dm_vk_ads_daily: staging with its city.

Every day has the city of the banner's attribution as known today, as sales have the city of their event as known
today: a quotient of the two compares like with like. The mart's own copy serves banners that are no longer in the
dimension. Days on which staging and mart differ, as after a killed run, are found by their checksums, days under
another city by the dimension; of such days only the rows that differ are written.
"""

from __future__ import annotations

from datetime import date, timedelta

from zakaz_common.city import UNATTRIBUTED
from zakaz_common.warehouse import Warehouse

_MART = "dm_vk_ads_daily"
_KEY = ("d", "account", "banner_id")
_VALUES = ("city", "ad_plan_id", "ad_group_id", "impressions", "clicks", "spend", "currency")
_KNOWN_CITY = f"if(city = '', '{UNATTRIBUTED}', city)"
_CHECKED = "account, banner_id, ad_plan_id, ad_group_id, impressions, clicks, spend, currency"


def refresh_mart(warehouse: Warehouse, first: date, last: date) -> int:
    """Bring the mart up to date after [first, last] was read; returns the rows written."""
    days = {first + timedelta(days=offset) for offset in range((last - first).days + 1)}
    days |= _days_that_differ(warehouse) | _days_under_another_city(warehouse)
    return warehouse.replace_mart_days(_MART, _KEY, _VALUES, _desired(warehouse), days)


def _days_that_differ(warehouse: Warehouse) -> set[date]:
    sides = " UNION ALL ".join(
        f"SELECT d, count() AS rows, groupBitXor(cityHash64({_CHECKED})) AS content "  # noqa: S608
        f"FROM {warehouse.name(table)} FINAL GROUP BY d"
        for table in ("stg_vk_ads_daily", _MART)
    )
    return {
        row[0]
        for row in warehouse.query(
            f"SELECT d FROM ({sides}) GROUP BY d HAVING count() = 1 OR uniqExact(rows, content) > 1"  # noqa: S608
        )
    }


def _days_under_another_city(warehouse: Warehouse) -> set[date]:
    banners = warehouse.name("dim_vk_banners")
    return {
        row[0]
        for row in warehouse.query(
            f"SELECT DISTINCT m.d FROM {warehouse.name(_MART)} AS m FINAL "  # noqa: S608
            f"ALL INNER JOIN (SELECT account, banner_id, {_KNOWN_CITY} AS known_city FROM {banners} FINAL) AS b "
            "ON b.account = m.account AND b.banner_id = m.banner_id WHERE m.city != b.known_city"
        )
    }


def _desired(warehouse: Warehouse) -> str:
    # The bounds let the engine skip parts; the exact list of days is the caller's scope.
    days = "d >= arrayMin({days:Array(Date)}) AND d <= arrayMax({days:Array(Date)})"
    staging, banners, mart = (warehouse.name(n) for n in ("stg_vk_ads_daily", "dim_vk_banners", _MART))
    return (
        "SELECT s.d AS d, s.account AS account, s.banner_id AS banner_id, "  # noqa: S608
        # A banner out of the dimension joins as '', one in it has a city or 'unattributed'.
        f"coalesce(nullIf(b.known_city, ''), nullIf(m.city, ''), '{UNATTRIBUTED}') AS city, "
        "s.ad_plan_id AS ad_plan_id, s.ad_group_id AS ad_group_id, s.impressions AS impressions, "
        "s.clicks AS clicks, s.spend AS spend, s.currency AS currency "
        f"FROM (SELECT * FROM {staging} FINAL WHERE {days}) AS s "
        f"LEFT ANY JOIN (SELECT account, banner_id, {_KNOWN_CITY} AS known_city FROM {banners} FINAL) AS b "
        "ON b.account = s.account AND b.banner_id = s.banner_id "
        f"LEFT ANY JOIN (SELECT d, account, banner_id, city FROM {mart} FINAL WHERE {days}) AS m "
        "ON m.d = s.d AND m.account = s.account AND m.banner_id = s.banner_id"
    )
