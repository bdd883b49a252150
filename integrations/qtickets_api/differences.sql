-- Compared by the smoke test: what the tickets of the API and the sheets hold, under every view that must show it.
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
