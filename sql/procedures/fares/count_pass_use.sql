-- What was used of a pass up to now: trips, and the end of its days once it has a first trip.
CREATE FUNCTION api.count_pass_use(
    p_pass transit.monthly_passes, OUT trips_left integer, OUT expires_at timestamptz
)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    SELECT
        p_pass.trips - count(*),
        min(t.tapped_at) + make_interval(hours => 24 * p_pass.days)
    INTO trips_left, expires_at
    FROM transit.trips AS t
    WHERE t.pass_id = p_pass.pass_id;
END;
$$;
COMMENT ON FUNCTION api.count_pass_use(transit.monthly_passes) IS 'Trips left on a pass, and its end';
