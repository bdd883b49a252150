-- Compared by the smoke test: 0 what the staging holds, 1 what the view of all sources and views of its own show.
SELECT
    0,
    d,
    arrayJoin(arrayConcat(
        [('bi.v_ads_daily', 'spend', concat('vk_ads, ', currency)), ('bi.v_vk_ads_currencies_daily', 'spend', currency)],
        if(currency = 'RUB', [('bi.v_vk_ads_daily', 'spend', '')], [])
    )),
    spend
FROM
(
    SELECT d, toString(currency) AS currency, toDecimal128(sum(spend), 2) AS spend
    FROM zakaz.stg_vk_ads_daily FINAL GROUP BY d, currency
)
UNION ALL
SELECT 1, d, ('bi.v_ads_daily', 'spend', concat('vk_ads, ', currency)), toDecimal128(sum(spend), 2)
FROM bi.v_ads_daily WHERE source = 'vk_ads' GROUP BY d, currency
UNION ALL
SELECT 1, d, ('bi.v_vk_ads_currencies_daily', 'spend', toString(currency)), toDecimal128(sum(spend), 2)
FROM bi.v_vk_ads_currencies_daily GROUP BY d, currency
UNION ALL
SELECT 1, d, ('bi.v_vk_ads_daily', 'spend', ''), toDecimal128(sum(spend), 2)
FROM bi.v_vk_ads_daily GROUP BY d
