-- Compared by the smoke test: 0 what the staging holds, 1 what the view of all sources shows of it.
SELECT 0, d, ('bi.v_ads_daily', 'spend', concat('yandex_direct, ', currency)), toDecimal128(sum(spend), 2)
FROM zakaz.stg_yandex_direct_daily FINAL GROUP BY d, currency
UNION ALL
SELECT 1, d, ('bi.v_ads_daily', 'spend', concat('yandex_direct, ', currency)), toDecimal128(sum(spend), 2)
FROM bi.v_ads_daily WHERE source = 'yandex_direct' GROUP BY d, currency
