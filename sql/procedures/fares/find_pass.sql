-- Rule 4, the pass: the first bought of the account that is in force at the time of the trip
-- with trips left, counting the trips before it in time. Null when there is none.
CREATE FUNCTION api.find_pass(p_trip transit.trips) RETURNS transit.monthly_passes
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_pass transit.monthly_passes;
BEGIN
    SELECT m.*
    INTO v_pass
    FROM transit.monthly_passes AS m
    CROSS JOIN LATERAL (
        SELECT count(*) AS trips, min(t.tapped_at) AS first_tapped_at
        FROM transit.trips AS t
        WHERE
            t.pass_id = m.pass_id
            AND (t.tapped_at, t.device_id, t.device_seq, t.trip_id)
            < (p_trip.tapped_at, p_trip.device_id, p_trip.device_seq, p_trip.trip_id)
    ) AS used
    WHERE
        m.account_id = p_trip.account_id
        AND m.purchased_at <= least(p_trip.tapped_at, p_trip.accepted_at)
        AND used.trips < m.trips
        AND (
            used.trips = 0
            OR p_trip.tapped_at < used.first_tapped_at + make_interval(hours => 24 * m.days)
        )
    ORDER BY m.purchased_at, m.pass_id
    LIMIT 1;
    RETURN v_pass;
END;
$$;
COMMENT ON FUNCTION api.find_pass(transit.trips) IS 'The monthly pass that a trip goes on, if any';
