"""VK's part of the mart that all sources of advertising share, and the mart of before.

The mart of before is filled for one release more, for those who read it and for a rollback: the same rows with VK's own
names and numbers. Written first, so that it is never behind: the schema's seed copies from it what the mart of all
sources lacks (templates/ddl/391_zakaz.dm_ads_daily.seed.sql.j2). Both go together.
"""

from __future__ import annotations

from zakaz_common.ads_mart import AdsMart, differing_days
from zakaz_common.warehouse import Warehouse

from vk_ads import LOADER

_FORMER_MART = "dm_vk_ads_daily"
_FORMER_KEY = ("d", "account", "banner_id")
_FORMER_FIGURES = ("ad_plan_id", "ad_group_id", "impressions", "clicks", "spend", "currency")


def shared_mart(warehouse: Warehouse) -> AdsMart:
    """VK's ads and days as all sources name theirs."""
    return AdsMart(
        warehouse,
        LOADER,
        ads=(
            "SELECT account, toString(banner_id) AS ad_id, city, name, ad_group_name AS group_name, "  # noqa: S608
            "ad_plan_name AS campaign_name, utm_source, utm_medium, utm_campaign, utm_content, utm_term "
            f"FROM {warehouse.name('dim_vk_banners')} FINAL"
        ),
        # VK numbers what it has; 0 is what staging holds of a plan or a group that VK did not list
        days=(
            "SELECT d, account, toString(banner_id) AS ad_id, "  # noqa: S608
            "if(ad_plan_id = 0, '', toString(ad_plan_id)) AS campaign_id, "
            "if(ad_group_id = 0, '', toString(ad_group_id)) AS group_id, "
            "impressions, clicks, goals, spend, vat_rate, currency "
            f"FROM {warehouse.name('stg_vk_ads_daily')} FINAL"
        ),
    )


def refresh_days(mart: AdsMart) -> int:
    """Bring both marts up to date; returns the rows written to the shared one."""
    warehouse = mart.warehouse
    staging, former = (f"{warehouse.name(table)} FINAL" for table in ("stg_vk_ads_daily", _FORMER_MART))
    compared = (*_FORMER_KEY[1:], *_FORMER_FIGURES)
    days = mart.days_behind() | differing_days(warehouse, compared, staging, former)
    desired = (
        "SELECT d, account, toUInt64OrZero(ad_id) AS banner_id, city, toUInt64OrZero(campaign_id) AS ad_plan_id, "  # noqa: S608
        f"toUInt64OrZero(group_id) AS ad_group_id, impressions, clicks, spend, currency FROM ({mart.desired})"
    )
    warehouse.replace_mart_days(_FORMER_MART, _FORMER_KEY, ("city", *_FORMER_FIGURES), desired, days)
    return mart.refresh_days(days)
