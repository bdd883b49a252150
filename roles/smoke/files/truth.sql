-- Days and cities on which bi.v_marketing_roi_daily differs from what the simulator and the sheets sold and spent.
-- Cities of both go through the aliases as known today. Sheets' events and aliases of one's own may move advertising to
-- a city that the simulator does not know of: with any, spend and clicks are compared by day.
WITH (SELECT count() FROM zakaz.stg_qtickets_sheets_events FINAL)
    + (SELECT count() FROM zakaz.dim_city_alias FINAL WHERE source = 'import') AS own_cities
SELECT countIf(differs) AS different, count() AS compared
FROM
(
    SELECT figure, d, place, sum(pieces) != 0 OR sum(money) != 0 AS differs
    FROM
    (
        SELECT 'sales' AS figure, toString(d) AS d, city AS place, toInt64(tickets_sold) AS pieces, toDecimal128(revenue, 2) AS money
        FROM bi.v_marketing_roi_daily
        UNION ALL
        SELECT 'ads', toString(d), if(own_cities = 0, city, ''), toInt64(clicks), toDecimal128(spend, 2)
        FROM bi.v_marketing_roi_daily
        UNION ALL
        SELECT figure, source.d, if(figure = 'ads' AND own_cities > 0, '', coalesce(nullIf(cities.city, ''), source.city)),
            -pieces, -money
        FROM
        (
            SELECT
                arrayJoin(['sales', 'ads']) AS figure,
                JSONExtractString(day, 'd') AS d,
                JSONExtractString(day, 'city') AS city,
                JSONExtractInt(day, if(figure = 'ads', 'clicks', 'tickets_sold')) AS pieces,
                toDecimal128(JSONExtractString(day, if(figure = 'ads', 'spend', 'revenue')), 2) AS money
            FROM (SELECT arrayJoin(JSONExtractArrayRaw({truth:String})) AS day)
            UNION ALL
            SELECT 'sales', toString(sales.d), if(events.city = '', 'unattributed', events.city), sales.tickets_sold,
                toDecimal128(sales.revenue, 2)
            FROM zakaz.stg_qtickets_sheets_sales AS sales FINAL
            LEFT ANY JOIN (SELECT event_id, city FROM zakaz.stg_qtickets_sheets_events FINAL) AS events
                ON events.event_id = sales.event_id
            WHERE sales.currency = 'RUB' AND sales.event_id NOT IN (SELECT event_id FROM zakaz.stg_qtickets_events FINAL)
        ) AS source
        LEFT ANY JOIN zakaz.v_cities AS cities ON cities.alias = source.city
    )
    GROUP BY figure, d, place
)
