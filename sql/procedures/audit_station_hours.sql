-- "rollups behind the analytics = the sums they stand for": trips, paid trips, transfers and
-- revenue by service day, hour and station, folded and not yet folded.
CREATE FUNCTION api.audit_station_hours(p_on date)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH ridden AS (
    SELECT
        date_trunc('hour', t.tapped_at AT TIME ZONE 'America/Bogota') AS starts_at,
        t.start_station_id AS station_id, count(*) AS trips,
        count(*) FILTER (WHERE t.fare > 0) AS paid_trips,
        count(*) FILTER (WHERE t.fare_rule = 'transfer') AS transfers,
        sum(t.fare)::bigint AS revenue
    FROM transit.trips AS t
    WHERE
        p_on IS NULL
        OR t.tapped_at >= api.start_of_day(p_on) AND t.tapped_at < api.start_of_day(p_on + 1)
    GROUP BY 1, 2
),
rolled AS (
    SELECT
        r.on_day + make_interval(hours => r.hour) AS starts_at, r.station_id,
        sum(r.trips) AS trips, sum(r.paid_trips) AS paid_trips, sum(r.transfers) AS transfers,
        sum(r.revenue)::bigint AS revenue
    FROM (
        SELECT h.on_day, h.hour, h.station_id, h.trips, h.paid_trips, h.transfers, h.revenue
        FROM transit.station_hours AS h
        UNION ALL
        SELECT d.on_day, d.hour, d.station_id, d.trips, d.paid_trips, d.transfers, d.revenue
        FROM transit.activity_deltas AS d
        WHERE d.station_id IS NOT NULL
    ) AS r
    WHERE p_on IS NULL OR r.on_day = p_on
    GROUP BY 1, 2
)
SELECT
    format(
        'station %s on %s hour %s', coalesce(t.station_id, r.station_id),
        coalesce(t.starts_at, r.starts_at)::date,
        extract(HOUR FROM coalesce(t.starts_at, r.starts_at))
    ),
    format(
        'trips, paid, transfers, revenue rolled up as %s, %s, %s, %s; they are %s, %s, %s, %s',
        coalesce(r.trips, 0), coalesce(r.paid_trips, 0), coalesce(r.transfers, 0),
        coalesce(r.revenue, 0), coalesce(t.trips, 0), coalesce(t.paid_trips, 0),
        coalesce(t.transfers, 0), coalesce(t.revenue, 0)
    )
FROM ridden AS t
FULL JOIN rolled AS r ON r.starts_at = t.starts_at AND r.station_id = t.station_id
WHERE
    coalesce(t.trips, 0) <> coalesce(r.trips, 0)
    OR coalesce(t.paid_trips, 0) <> coalesce(r.paid_trips, 0)
    OR coalesce(t.transfers, 0) <> coalesce(r.transfers, 0)
    OR coalesce(t.revenue, 0) <> coalesce(r.revenue, 0)
$$;
COMMENT ON FUNCTION api.audit_station_hours(date) IS
'Hours of a station whose rollup is not the sum of its trips';
