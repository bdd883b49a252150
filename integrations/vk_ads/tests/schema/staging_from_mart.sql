INSERT INTO zakaz.stg_vk_ads_daily (d, account, banner_id, ad_plan_id, ad_group_id, impressions, clicks, goals, spend, vat_rate, currency, _ver)
SELECT d, account, toUInt64(ad_id), toUInt64OrZero(campaign_id), toUInt64OrZero(group_id), impressions, clicks, goals, spend, vat_rate, currency, _ver
FROM zakaz.dm_ads_daily FINAL
WHERE source = 'vk_ads'
