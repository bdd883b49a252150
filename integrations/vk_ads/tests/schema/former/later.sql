INSERT INTO zakaz.dm_vk_ads_daily (d, account, banner_id, city, impressions, clicks, spend, currency, _ver)
SELECT '2026-03-01', 'a', 1, 'томск', 10, 1, 12.34, 'RUB', max(_ver) + 1 FROM zakaz.dm_vk_ads_daily;
INSERT INTO zakaz.dm_vk_ads_daily (d, account, banner_id, city, ad_plan_id, ad_group_id, impressions, clicks, spend, currency, _ver)
SELECT d, account, banner_id, 'казань', ad_plan_id, ad_group_id, impressions + 1, clicks, spend + 1, currency, _ver + 7 FROM zakaz.dm_vk_ads_daily FINAL WHERE d = '2026-01-31';
INSERT INTO zakaz.dim_vk_banners (account, banner_id, name, ad_plan_name, utm_source, city, _ver) VALUES ('a', 1, 'Переименовано', 'Кампания', 'vk', 'казань', 6);
