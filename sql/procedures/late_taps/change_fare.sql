-- Gives a trip its new price: it shows the present fare and rule. What it was before stands in the
-- ledger and in the rule changes, which api.post_corrections writes.
CREATE FUNCTION api.change_fare(p_trip transit.trips) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    UPDATE transit.trips AS t
    SET fare = p_trip.fare,
        fare_rule = p_trip.fare_rule,
        journey_id = p_trip.journey_id,
        transfer_number = p_trip.transfer_number,
        pass_id = p_trip.pass_id
    WHERE t.trip_id = p_trip.trip_id;
END;
$$;
COMMENT ON FUNCTION api.change_fare(transit.trips) IS 'Gives a trip its new price';
