INSERT INTO zakaz.dim_vk_banners (account, banner_id, name, ad_group_name, ad_plan_name, utm_source, utm_campaign, utm_content, city, _ver, _is_deleted) VALUES
    ('a', 1, 'Первое', 'Группа', 'Кампания', 'vk_ads', '7001', '1', 'москва', 5, 0), ('a', 1, 'Прежнее', 'Группа', 'Кампания', 'vk', '', '', 'томск', 4, 0),
    ('b', 1, 'Другого кабинета', '', '', 'vk_ads', '8001', '1', 'томск', 5, 0), ('a', 9, 'Ушло', '', '', 'gone', '', '', '', 5, 1);
INSERT INTO zakaz.stg_vk_ads_daily (d, account, banner_id, ad_plan_id, ad_group_id, impressions, clicks, goals, spend, vat_rate, currency, _ver)
SELECT toDate('2026-01-01') + number % 40, 'a', 1 + intDiv(number, 40), 70, if(number % 7 = 0, 0, 700), number * 9, number, number % 3, toDecimal64(number, 2) / 100, 0.22, 'RUB', 3
FROM numbers(4000);
INSERT INTO zakaz.stg_vk_ads_daily (d, account, banner_id, ad_plan_id, ad_group_id, impressions, clicks, goals, spend, vat_rate, currency, _ver) VALUES
    ('2026-01-15', 'b', 1, 80, 800, 5, 1, 1, 1.01, 0.2, 'RUB', 3), ('2026-01-16', 'b', 1, 80, 800, 5, 1, 0, 77.70, 0.2, 'KZT', 3);
INSERT INTO zakaz.dm_vk_ads_daily (d, account, banner_id, city, ad_plan_id, ad_group_id, impressions, clicks, spend, currency, _ver, _loaded_at)
SELECT d, account, banner_id, 'прежний город', ad_plan_id, ad_group_id, 1, 1, 1, currency, 1, '2026-02-01 10:00:00' FROM zakaz.stg_vk_ads_daily FINAL;
INSERT INTO zakaz.dm_vk_ads_daily (d, account, banner_id, city, ad_plan_id, ad_group_id, impressions, clicks, spend, currency, _ver, _loaded_at)
SELECT d, account, banner_id, ['москва', 'msk', 'unattributed', '', 'орел'][banner_id % 5 + 1], ad_plan_id, ad_group_id, impressions, clicks, spend, currency, 2, toDateTime('2026-02-02 10:00:00', 'Europe/Moscow') + number
FROM (SELECT *, rowNumberInAllBlocks() % 5 AS number FROM zakaz.stg_vk_ads_daily FINAL);
INSERT INTO zakaz.dm_vk_ads_daily (d, account, banner_id, city, spend, currency, _ver, _is_deleted) VALUES
    ('2026-01-20', 'a', 900, 'москва', 55.55, 'RUB', 2, 0), ('2026-01-20', 'a', 900, 'москва', 55.55, 'RUB', 3, 1);
