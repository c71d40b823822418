-- Writes the new price of a trip beside what was posted for it: the trip shows the present fare
-- and rule, the ledger gets the difference, the rollups follow on the trip's own day.
CREATE FUNCTION api.change_fare(
    p_old transit.trips, p_new transit.trips, p_account api.tapped_account, p_at timestamptz
) RETURNS api.tapped_account
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    UPDATE transit.trips AS t
    SET fare = p_new.fare,
        fare_rule = p_new.fare_rule,
        journey_id = p_new.journey_id,
        transfer_number = p_new.transfer_number,
        pass_id = p_new.pass_id
    WHERE t.trip_id = p_old.trip_id;
    IF p_new.fare <> p_old.fare THEN
        p_account := api.post_entry(
            p_account, 'fare_correction', 'fare_revenue', p_old.fare - p_new.fare, p_old.trip_id, p_at
        );
    END IF;
    INSERT INTO transit.activity_deltas (on_day, hour, station_id, paid_trips, transfers, revenue)
    VALUES (
        api.service_day(p_old.tapped_at),
        extract(HOUR FROM p_old.tapped_at AT TIME ZONE 'America/Bogota'),
        p_old.start_station_id,
        (p_new.fare > 0)::integer - (p_old.fare > 0)::integer,
        (p_new.fare_rule = 'transfer')::integer - (p_old.fare_rule = 'transfer')::integer,
        p_new.fare - p_old.fare
    );
    RETURN p_account;
END;
$$;
COMMENT ON FUNCTION api.change_fare(
    transit.trips, transit.trips, api.tapped_account, timestamptz
) IS 'Gives a trip its new price and posts the difference';
