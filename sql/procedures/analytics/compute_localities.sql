-- api.read_localities from the trips themselves: what the rollups save, and a check of them.
CREATE FUNCTION api.compute_localities(p_date date)
RETURNS TABLE (date date, locality text, trips bigint, revenue bigint, as_of timestamptz)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := api.clock_now();
    v_day date := coalesce(p_date, api.service_day(v_now));
BEGIN
    RETURN QUERY
    SELECT v_day, sums.locality, sums.trips, sums.revenue, v_now
    FROM (VALUES (1)) AS always (row)
    LEFT JOIN (
        SELECT s.locality, count(*) AS trips, sum(t.fare)::bigint AS revenue
        FROM transit.trips AS t
        INNER JOIN transit.stations AS s ON s.station_id = t.start_station_id
        WHERE api.service_day(t.tapped_at) = v_day
        GROUP BY s.locality
    ) AS sums ON true
    ORDER BY sums.trips DESC, sums.locality;
END;
$$;
COMMENT ON FUNCTION api.compute_localities(date) IS
'Trips and revenue of a service day by locality, from the trips';
