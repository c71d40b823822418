-- How many trips, for how much, started in each locality on a service day? A null day is today.
-- Localities without a trip are left out; one row with a null locality when there were none.
CREATE FUNCTION api.read_localities(p_date date)
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
        SELECT s.locality, sum(a.trips)::bigint AS trips, sum(a.revenue)::bigint AS revenue
        FROM api.station_activity AS a
        INNER JOIN transit.stations AS s ON s.station_id = a.station_id
        WHERE a.on_day = v_day
        GROUP BY s.locality
    ) AS sums ON true
    ORDER BY sums.trips DESC, sums.locality;
END;
$$;
COMMENT ON FUNCTION api.read_localities(date) IS 'Trips and revenue of a service day by locality';
