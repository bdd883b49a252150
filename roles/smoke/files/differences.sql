-- Days on which a view shows other figures than all of its sources hold; none where all is well.
-- Sources: tickets of the API, sheets for events that the API does not know, each source of advertising; each currency apart.
SELECT view, figure, d, subject, shown, sources
FROM
(
    SELECT
        tupleElement(place, 1) AS view,
        tupleElement(place, 2) AS figure,
        d,
        tupleElement(place, 3) AS subject,
        sumIf(amount, is_view) AS shown,
        sumIf(amount, NOT is_view) AS sources
    FROM
    (
        -- what the sources hold, under every view that must show it
        SELECT
            0 AS is_view,
            d,
            arrayJoin(arrayConcat(
                [('bi.v_sales_daily', 'revenue', subject)],
                if(has_utm, [('bi.v_sales_utm_daily', 'revenue', subject)], []),
                if(currency = 'RUB', [('bi.v_marketing_roi_daily', 'revenue', '')], []),
                if(currency = 'RUB' AND has_utm, [('bi.v_romi_utm_daily', 'revenue', '')], [])
            )) AS place,
            revenue AS amount
        FROM
        (
            SELECT sale_date AS d, toString(currency) AS currency, concat('event ', toString(event_id), ', ', currency) AS subject,
                1 AS has_utm, toDecimal128(sum(net_revenue), 2) AS revenue
            FROM zakaz.stg_qtickets_tickets FINAL WHERE is_paid = 1 GROUP BY sale_date, event_id, currency
            UNION ALL
            SELECT d, toString(currency), concat('event ', toString(event_id), ', ', currency), 0, toDecimal128(sum(revenue), 2)
            FROM zakaz.stg_qtickets_sheets_sales FINAL
            WHERE event_id NOT IN (SELECT event_id FROM zakaz.stg_qtickets_events FINAL) GROUP BY d, event_id, currency
        )
        UNION ALL
        SELECT 0, d, ('bi.v_sales_daily', 'tickets', subject), tickets
        FROM
        (
            SELECT sale_date AS d, concat('event ', toString(event_id), ', ', currency) AS subject, toDecimal128(sum(is_sold), 2) AS tickets
            FROM zakaz.stg_qtickets_tickets FINAL WHERE is_paid = 1 GROUP BY sale_date, event_id, currency
            UNION ALL
            SELECT d, concat('event ', toString(event_id), ', ', currency), toDecimal128(sum(tickets_sold), 2)
            FROM zakaz.stg_qtickets_sheets_sales FINAL
            WHERE event_id NOT IN (SELECT event_id FROM zakaz.stg_qtickets_events FINAL) GROUP BY d, event_id, currency
        )
        UNION ALL
        -- all advertising together; each source's part of it is compared with its staging below
        SELECT 0, d, arrayJoin([('bi.v_marketing_roi_daily', 'spend', ''), ('bi.v_romi_utm_daily', 'spend', '')]), toDecimal128(sum(spend), 2)
        FROM bi.v_ads_daily WHERE currency = 'RUB' GROUP BY d
        UNION ALL
        -- places have no day
        SELECT 0, toDate(0), ('bi.v_inventory', 'places', concat('event ', toString(event_id))), toDecimal128(sum(tickets_total), 2)
        FROM
        (
            SELECT event_id, tickets_total FROM zakaz.stg_qtickets_inventory FINAL
            UNION ALL
            SELECT event_id, tickets_total FROM zakaz.stg_qtickets_sheets_inventory FINAL
            WHERE event_id NOT IN (SELECT event_id FROM zakaz.stg_qtickets_events FINAL)
        )
        GROUP BY event_id
        UNION ALL
        -- what the views show
        SELECT 1, d, arrayJoin([('bi.v_sales_daily', 'revenue', subject), ('bi.v_sales_daily', 'tickets', subject)]) AS place,
            if(tupleElement(place, 2) = 'revenue', revenue, tickets)
        FROM
        (
            SELECT d, concat('event ', toString(event_id), ', ', currency) AS subject,
                toDecimal128(sum(revenue), 2) AS revenue, toDecimal128(sum(tickets_sold), 2) AS tickets
            FROM bi.v_sales_daily GROUP BY d, event_id, currency
        )
        UNION ALL
        SELECT 1, d, ('bi.v_sales_utm_daily', 'revenue', concat('event ', toString(event_id), ', ', currency)), toDecimal128(sum(revenue), 2)
        FROM bi.v_sales_utm_daily GROUP BY d, event_id, currency
        UNION ALL
        SELECT 1, d, arrayJoin([('bi.v_marketing_roi_daily', 'revenue', ''), ('bi.v_marketing_roi_daily', 'spend', '')]) AS place,
            if(tupleElement(place, 2) = 'revenue', revenue, spend)
        FROM
        (
            SELECT d, toDecimal128(sum(revenue), 2) AS revenue, toDecimal128(sum(spend), 2) AS spend
            FROM bi.v_marketing_roi_daily GROUP BY d
        )
        UNION ALL
        SELECT 1, d, arrayJoin([('bi.v_romi_utm_daily', 'revenue', ''), ('bi.v_romi_utm_daily', 'spend', '')]) AS place,
            if(tupleElement(place, 2) = 'revenue', revenue, spend)
        FROM
        (
            SELECT d, toDecimal128(sum(revenue), 2) AS revenue, toDecimal128(sum(spend), 2) AS spend
            FROM bi.v_romi_utm_daily GROUP BY d
        )
        UNION ALL
        SELECT 1, toDate(0), ('bi.v_inventory', 'places', concat('event ', toString(event_id))), toDecimal128(sum(tickets_total), 2)
        FROM bi.v_inventory GROUP BY event_id
        UNION ALL
        -- a source of advertising, both sides: 0 what its staging holds, 1 what the view of all sources and its own views show
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
        -- end of the source
    )
    GROUP BY view, figure, d, subject
)
WHERE shown != sources AND (figure = 'spend' OR {sales_are_whole:Bool})
ORDER BY view, figure, d, subject
