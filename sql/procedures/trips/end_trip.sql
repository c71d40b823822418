-- One end of a trip, for the release before this one, which calls it while the next one migrates.
CREATE FUNCTION api.end_trip(p_trip_id bigint, p_station_id bigint, p_ended_at timestamptz)
RETURNS TABLE (
    outcome text, detail text, facts jsonb,
    trip_id bigint, card_id bigint, user_id bigint, start_station_id integer,
    end_station_id integer, route_id integer, started_at timestamptz, ended_at timestamptz,
    status text, fare bigint, fare_rule text, journey_id bigint, balance bigint
)
LANGUAGE sql VOLATILE
AS $$
SELECT
    e.outcome, e.detail, e.facts, e.trip_id, e.card_id, e.user_id, e.start_station_id,
    e.end_station_id, e.route_id, e.started_at, e.ended_at, e.status, e.fare, e.fare_rule, e.journey_id, e.balance
FROM api.end_trips(ARRAY[0], ARRAY[p_trip_id], ARRAY[p_station_id], ARRAY[p_ended_at]) AS e
$$;
COMMENT ON FUNCTION api.end_trip(bigint, bigint, timestamptz) IS 'Ends a trip';
