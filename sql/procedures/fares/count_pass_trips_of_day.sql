-- How many trips on a pass count on the service day of a trip: all there are (p_before false,
-- the daily limit on arrival) or those before it in time (repricing).
CREATE FUNCTION api.count_pass_trips_of_day(
    p_pass_id bigint, p_trip transit.trips, p_before boolean
)
RETURNS integer
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_midnight timestamp := api.service_day(p_trip.tapped_at);
BEGIN
    RETURN (
        SELECT count(*)
        FROM transit.trips AS t
        WHERE
            t.pass_id = p_pass_id
            AND t.tapped_at >= v_midnight AT TIME ZONE 'America/Bogota'
            AND t.tapped_at < (v_midnight + interval '1 day') AT TIME ZONE 'America/Bogota'
            AND (
                NOT p_before
                OR (t.tapped_at, t.device_id, t.device_seq, t.trip_id)
                < (p_trip.tapped_at, p_trip.device_id, p_trip.device_seq, p_trip.trip_id)
            )
    );
END;
$$;
COMMENT ON FUNCTION api.count_pass_trips_of_day(bigint, transit.trips, boolean) IS
'Trips of a pass on the service day of a trip';
