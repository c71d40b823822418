-- api.read_top_stations from the trips themselves: what the rollups save, and a check of them.
CREATE FUNCTION api.compute_top_stations(p_date date, p_limit integer)
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
        SELECT t.start_station_id AS station_id, count(*) AS trips
        FROM transit.trips AS t
        WHERE api.service_day(t.tapped_at) = v_day
        GROUP BY t.start_station_id
        ORDER BY count(*) DESC, t.start_station_id
        LIMIT p_limit
    ) AS top ON true
    LEFT JOIN transit.stations AS s ON s.station_id = top.station_id
    ORDER BY top.trips DESC, top.station_id;
END;
$$;
COMMENT ON FUNCTION api.compute_top_stations(date, integer) IS
'The busiest stations of a service day, from the trips';
