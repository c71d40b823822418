-- Rules 4 to 9 for a tap that arrives. A refusal is a trip without fare_rule: with the pass whose
-- daily limit is reached, or without one where the balance does not suffice.
CREATE FUNCTION api.price_tap(
    p_trip transit.trips, p_account api.tapped_account, p_terms api.fare_terms
) RETURNS transit.trips
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_pass transit.monthly_passes;
BEGIN
    IF p_account.has_pass THEN
        v_pass := api.find_pass(p_trip);
        IF v_pass.pass_id IS NOT NULL THEN
            p_trip.pass_id := v_pass.pass_id;
            p_trip.fare := 0;
            IF api.count_pass_trips_of_day(v_pass.pass_id, p_trip, false) < v_pass.max_trips_per_day
            THEN
                p_trip.fare_rule := 'monthly_pass';
            END IF;
            RETURN p_trip;
        END IF;
    END IF;

    p_trip := api.price_by_time(p_trip, p_account, p_terms, p_account.balance);
    IF p_trip.fare_rule IS NULL THEN
        IF p_account.balance >= p_trip.fare THEN
            p_trip.fare_rule := 'base';
        ELSIF
            p_account.user_id IS NOT NULL
            AND api.service_day(p_trip.accepted_at) >= p_account.credit_returns_on
            AND api.count_credit_trips(p_account) < 2
        THEN
            p_trip.fare_rule := 'credit';
        END IF;
    END IF;
    RETURN p_trip;
END;
$$;
COMMENT ON FUNCTION api.price_tap(transit.trips, api.tapped_account, api.fare_terms) IS
'Prices a tap on arrival; without fare_rule it is refused';
