-- Rule 6: how many free trips of its calendar month (America/Bogota) an account used before a
-- trip, in time order.
CREATE FUNCTION api.count_free_trips(p_trip transit.trips) RETURNS integer
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (
        SELECT count(*)
        FROM transit.trips AS t
        WHERE
            t.account_id = p_trip.account_id
            AND t.fare_rule = 'subsidy_pass'
            AND t.tapped_at >= date_trunc('month', p_trip.tapped_at, 'America/Bogota')
            AND (t.tapped_at, t.device_id, t.device_seq, t.trip_id)
            < (p_trip.tapped_at, p_trip.device_id, p_trip.device_seq, p_trip.trip_id)
    );
END;
$$;
COMMENT ON FUNCTION api.count_free_trips(transit.trips) IS
'Free trips used in the month before a trip';
