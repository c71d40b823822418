-- How many trips were made, paid and transferred on some service days, both ends included?
CREATE FUNCTION api.read_trip_totals(p_from date, p_to date)
RETURNS TABLE (total_trips bigint, paid_trips bigint, transfers bigint, as_of timestamptz)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT
        coalesce(sum(d.trips), 0)::bigint, coalesce(sum(d.paid_trips), 0)::bigint,
        coalesce(sum(d.transfers), 0)::bigint, api.clock_now()
    FROM api.day_activity AS d
    WHERE (p_from IS NULL OR d.on_day >= p_from) AND (p_to IS NULL OR d.on_day <= p_to);
END;
$$;
COMMENT ON FUNCTION api.read_trip_totals(date, date) IS 'Trips over service days';
