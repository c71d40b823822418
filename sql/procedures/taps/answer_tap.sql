-- A trip as the answer to its tap, at the moment of its decision.
CREATE FUNCTION api.answer_tap(
    p_trip transit.trips, p_user_id bigint, p_replayed boolean
) RETURNS api.tap_answer
LANGUAGE sql STABLE
AS $$
SELECT ROW(
    NULL, 'accepted', NULL, NULL, p_replayed, p_trip.trip_id, p_trip.card_id, p_user_id,
    p_trip.start_station_id, NULL, p_trip.route_id, p_trip.tapped_at, NULL,
    api.trip_status(p_trip.tapped_at, NULL, p_trip.accepted_at),
    p_trip.fare, p_trip.fare_rule::text, p_trip.journey_id, p_trip.balance_after
)::api.tap_answer
$$;
COMMENT ON FUNCTION api.answer_tap(transit.trips, bigint, boolean) IS 'The answer to an accepted tap';
