-- Ends a trip: no money moves. p_ended_at null means now. Locks the trip alone.
CREATE FUNCTION api.end_trip(p_trip_id bigint, p_station_id bigint, p_ended_at timestamptz)
RETURNS TABLE (
    outcome text, detail text,
    trip_id bigint, card_id bigint, user_id bigint, start_station_id integer,
    end_station_id integer, route_id integer, started_at timestamptz, ended_at timestamptz,
    status text, fare bigint, fare_rule text, journey_id bigint, balance bigint
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_trip transit.trips;
    v_now  timestamptz := api.clock_now();
    v_at   timestamptz := coalesce(p_ended_at, v_now);
BEGIN
    SELECT t.* INTO v_trip FROM transit.trips AS t WHERE t.trip_id = p_trip_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'trip_not_found';
    ELSIF NOT EXISTS (SELECT FROM transit.stations AS s WHERE s.station_id = p_station_id) THEN
        outcome := 'station_not_found';
    ELSE
        IF p_ended_at IS NULL THEN
            -- A clock that was set back must not let a trip end before it began.
            v_at := greatest(v_now, v_trip.tapped_at);
        END IF;
        SELECT r.* INTO outcome, detail FROM api.refuse_end(v_trip, v_at, v_now) AS r;
    END IF;
    IF outcome IS NULL THEN
        outcome := 'accepted';
        UPDATE transit.trips AS t
        SET ended_at = v_at, end_station_id = p_station_id
        WHERE t.trip_id = p_trip_id;
    END IF;
    RETURN QUERY
    SELECT a.outcome, a.detail, t.*
    FROM (VALUES (outcome, detail)) AS a (outcome, detail)
    LEFT JOIN api.read_trip(p_trip_id) AS t ON true;
END;
$$;
COMMENT ON FUNCTION api.end_trip(bigint, bigint, timestamptz) IS 'Ends a trip';
