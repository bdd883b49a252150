-- Beside what the simulator sold: what was imported of sheets, for events that the API does not know.
SELECT 'sales', toString(sales.d), if(events.city = '', 'unattributed', events.city), sales.tickets_sold,
    toDecimal128(sales.revenue, 2)
FROM zakaz.stg_qtickets_sheets_sales AS sales FINAL
LEFT ANY JOIN (SELECT event_id, city FROM zakaz.stg_qtickets_sheets_events FINAL) AS events
    ON events.event_id = sales.event_id
WHERE sales.currency = 'RUB' AND sales.event_id NOT IN (SELECT event_id FROM zakaz.stg_qtickets_events FINAL)
