-- Invariant I15 (rule 14).
--
-- "rollups behind the analytics = the sums they stand for": trips and revenue of each service day
-- by station and by hour as analytics reads them, folded and not yet folded. A row is of a station
-- or of an hour, and the other is null.
CREATE FUNCTION api.audit_activity(p_on date)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH ridden AS (
    SELECT
        r.on_day, r.station_id, r.hour, count(*) AS trips, sum(r.fare)::bigint AS revenue
    FROM (
        SELECT
            api.service_day(t.tapped_at) AS on_day, t.start_station_id AS station_id, t.fare,
            extract(HOUR FROM t.tapped_at AT TIME ZONE 'America/Bogota')::smallint AS hour
        FROM transit.trips AS t
        WHERE
            p_on IS NULL
            OR t.tapped_at >= api.start_of_day(p_on) AND t.tapped_at < api.start_of_day(p_on + 1)
    ) AS r
    GROUP BY GROUPING SETS ((r.on_day, r.station_id), (r.on_day, r.hour))
),
rolled AS (
    SELECT
        a.on_day, a.station_id, a.hour, sum(a.trips) AS trips, sum(a.revenue)::bigint AS revenue
    FROM (
        SELECT s.on_day, s.station_id, NULL::smallint AS hour, s.trips, s.revenue
        FROM api.station_activity AS s
        UNION ALL
        SELECT h.on_day, NULL, h.hour, h.trips, h.revenue
        FROM api.hour_activity AS h
    ) AS a
    WHERE p_on IS NULL OR a.on_day = p_on
    GROUP BY a.on_day, a.station_id, a.hour
)
SELECT
    coalesce(
        'station ' || coalesce(t.station_id, r.station_id), 'hour ' || coalesce(t.hour, r.hour)
    ) || ' on ' || coalesce(t.on_day, r.on_day),
    format(
        'trips and revenue rolled up as %s and %s; they are %s and %s',
        coalesce(r.trips, 0), coalesce(r.revenue, 0), coalesce(t.trips, 0), coalesce(t.revenue, 0)
    )
FROM ridden AS t
FULL JOIN rolled AS r
    ON
        r.on_day = t.on_day
        AND coalesce(r.station_id, -1) = coalesce(t.station_id, -1)
        AND coalesce(r.hour, -1) = coalesce(t.hour, -1)
WHERE
    coalesce(t.trips, 0) <> coalesce(r.trips, 0)
    OR coalesce(t.revenue, 0) <> coalesce(r.revenue, 0)
$$;
COMMENT ON FUNCTION api.audit_activity(date) IS
'Stations and hours of a day whose rollup is not the sum of its trips';
