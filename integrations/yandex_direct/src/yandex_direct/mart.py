"""Direct's part of the mart that all sources of advertising share."""

from __future__ import annotations

from zakaz_common.ads_mart import AdsMart
from zakaz_common.warehouse import Warehouse

from yandex_direct import LOADER


def shared_mart(warehouse: Warehouse) -> AdsMart:
    """Direct's ads and days as all sources name theirs.

    A day of an ad has a row a network in staging: they are added up. Spend without an ad stands under its campaign, so
    that two campaigns of a day stay apart.
    """
    staging = warehouse.name("stg_yandex_direct_daily")
    return AdsMart(
        warehouse,
        LOADER,
        ads=(
            "SELECT account, ad_id, city, name, ad_group_name AS group_name, campaign_name, "  # noqa: S608
            "utm_source, utm_medium, utm_campaign, utm_content, utm_term "
            f"FROM {warehouse.name('dim_yandex_direct_ads')} FINAL"
        ),
        days=(
            "SELECT d, account, mart_id AS ad_id, toString(max(campaign)) AS campaign_id, "  # noqa: S608
            "if(max(group) = 0, '', toString(max(group))) AS group_id, sum(shown) AS impressions, "
            "sum(clicked) AS clicks, sum(converted) AS goals, sum(spent) AS spend, max(vat) AS vat_rate, "
            "max(money) AS currency FROM (SELECT d, account, "
            "if(ad_id = 0, concat('campaign ', toString(campaign_id)), toString(ad_id)) AS mart_id, "
            "campaign_id AS campaign, ad_group_id AS group, impressions AS shown, clicks AS clicked, "
            "conversions AS converted, spend AS spent, vat_rate AS vat, currency AS money "
            f"FROM {staging} FINAL) GROUP BY d, account, mart_id"
        ),
    )
