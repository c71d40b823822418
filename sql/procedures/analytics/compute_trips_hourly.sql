-- api.read_trips_hourly from the trips themselves: what the rollups save, and a check of them.
CREATE FUNCTION api.compute_trips_hourly(p_date date)
RETURNS TABLE (date date, hour integer, trips bigint, revenue bigint, as_of timestamptz)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_now timestamptz := api.clock_now();
    v_day date := coalesce(p_date, api.service_day(v_now));
BEGIN
    RETURN QUERY
    SELECT v_day, g.hour, count(t.trip_id), coalesce(sum(t.fare), 0)::bigint, v_now
    FROM generate_series(0, 23) AS g (hour)
    LEFT JOIN transit.trips AS t
        ON api.service_day(t.tapped_at) = v_day
        AND extract(HOUR FROM t.tapped_at AT TIME ZONE 'America/Bogota') = g.hour
    GROUP BY g.hour
    ORDER BY g.hour;
END;
$$;
COMMENT ON FUNCTION api.compute_trips_hourly(date) IS
'Trips and revenue of a service day by hour, from the trips';
