-- Which stations had the most trips on a service day? A null day is today. One row with a null
-- station when there were none.
CREATE FUNCTION api.read_top_stations(p_date date, p_limit integer)
RETURNS TABLE (date date, station_id integer, name text, trips bigint, as_of timestamptz)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := api.clock_now();
    v_day date := coalesce(p_date, api.service_day(v_now));
BEGIN
    RETURN QUERY
    SELECT v_day, top.station_id, s.name, top.trips, v_now
    FROM (VALUES (1)) AS always (row)
    LEFT JOIN (
        SELECT a.station_id, sum(a.trips)::bigint AS trips
        FROM api.station_activity AS a
        WHERE a.on_day = v_day
        GROUP BY a.station_id
        HAVING sum(a.trips) > 0
        ORDER BY sum(a.trips) DESC, a.station_id
        LIMIT p_limit
    ) AS top ON true
    LEFT JOIN transit.stations AS s ON s.station_id = top.station_id
    ORDER BY top.trips DESC, top.station_id;
END;
$$;
COMMENT ON FUNCTION api.read_top_stations(date, integer) IS 'The busiest stations of a service day';
