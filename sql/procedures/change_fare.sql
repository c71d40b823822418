-- Writes the new price of a trip beside what was posted for it: the trip shows the present fare
-- and rule, the ledger gets the difference, the change of its rule or journey is kept, the rollups
-- follow on the trip's own day.
CREATE FUNCTION api.change_fare(
    p_old transit.trips, p_new transit.trips, p_account api.tapped_account, p_at timestamptz
) RETURNS api.tapped_account
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    -- The correction and the change of the rule share it, so that they are told as one.
    v_id bigint := api.next_id('transit.entry_ids', api.slot_of(p_old.account_id));
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
            p_account, 'fare_correction', 'fare_revenue', p_old.fare - p_new.fare, p_old.trip_id,
            p_at, v_id
        );
    END IF;
    IF
        p_new.fare_rule <> p_old.fare_rule
        OR p_new.journey_id IS DISTINCT FROM p_old.journey_id
    THEN
        INSERT INTO transit.rule_changes (
            trip_id, change_id, at, old_journey, new_journey, old_rule, new_rule
        )
        VALUES (
            p_old.trip_id, v_id, p_at, p_old.journey_id, p_new.journey_id, p_old.fare_rule,
            p_new.fare_rule
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
