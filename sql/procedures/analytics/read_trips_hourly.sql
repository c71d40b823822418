-- How do trips and revenue of a service day spread over its 24 hours? A null day is today.
CREATE FUNCTION api.read_trips_hourly(p_date date)
RETURNS TABLE (date date, hour integer, trips bigint, revenue bigint, as_of timestamptz)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_now timestamptz := api.clock_now();
    v_day date := coalesce(p_date, api.service_day(v_now));
BEGIN
    RETURN QUERY
    SELECT
        v_day, g.hour, coalesce(sum(s.trips), 0)::bigint, coalesce(sum(s.revenue), 0)::bigint, v_now
    FROM generate_series(0, 23) AS g (hour)
    LEFT JOIN api.hour_activity AS s ON s.on_day = v_day AND s.hour = g.hour
    GROUP BY g.hour
    ORDER BY g.hour;
END;
$$;
COMMENT ON FUNCTION api.read_trips_hourly(date) IS 'Trips and revenue of a service day by hour';
