-- api.read_trip_totals from the trips themselves: what the rollups save, and a check of them.
CREATE FUNCTION api.compute_trip_totals(p_from date, p_to date)
RETURNS TABLE (total_trips bigint, paid_trips bigint, transfers bigint, as_of timestamptz)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT
        count(*), count(*) FILTER (WHERE t.fare > 0),
        count(*) FILTER (WHERE t.fare_rule = 'transfer'), api.clock_now()
    FROM transit.trips AS t
    WHERE
        (p_from IS NULL OR api.service_day(t.tapped_at) >= p_from)
        AND (p_to IS NULL OR api.service_day(t.tapped_at) <= p_to);
END;
$$;
COMMENT ON FUNCTION api.compute_trip_totals(date, date) IS 'Trips over service days, from the trips';
