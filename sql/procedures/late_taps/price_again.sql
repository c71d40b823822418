-- Rules 4 to 7 for a trip that an earlier tap, arrived later, may have changed. The seventh trip
-- of a day on a pass falls through to the next rule; what was full fare keeps its rule, what
-- becomes full fare shows base.
CREATE FUNCTION api.price_again(p_trip transit.trips, p_account api.tapped_account)
RETURNS transit.trips
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_terms api.fare_terms;
    v_rule  transit.fare_rule := p_trip.fare_rule;
    v_pass  transit.monthly_passes;
BEGIN
    SELECT f.*
    INTO v_terms
    FROM api.read_fare_terms(
        p_trip.start_station_id, p_account.profile, p_trip.tapped_at, p_trip.tariff_id
    ) AS f;
    IF p_account.has_pass THEN
        v_pass := api.find_pass(p_trip);
        IF
            v_pass.pass_id IS NOT NULL
            AND api.count_pass_trips_of_day(v_pass.pass_id, p_trip, true) < v_pass.max_trips_per_day
        THEN
            p_trip.pass_id := v_pass.pass_id;
            p_trip.fare := 0;
            p_trip.fare_rule := 'monthly_pass';
            p_trip.journey_id := NULL;
            p_trip.transfer_number := NULL;
            RETURN p_trip;
        END IF;
    END IF;

    p_trip := api.price_by_time(p_trip, p_account, v_terms, NULL);
    IF p_trip.fare_rule IS NULL THEN
        p_trip.fare_rule := CASE WHEN v_rule = 'credit' THEN v_rule ELSE 'base' END;
    END IF;
    RETURN p_trip;
END;
$$;
COMMENT ON FUNCTION api.price_again(transit.trips, api.tapped_account) IS
'Prices an accepted trip anew by its place in time';
