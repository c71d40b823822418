-- Rules 5 and 6, and the full fare where neither applies (fare_rule then stays null): what the
-- trips before this one in time decide. p_money is the balance that a transfer with a price
-- must find on arrival; null in a repricing, which charges it whatever the balance.
CREATE FUNCTION api.price_by_time(
    p_trip transit.trips, p_account api.tapped_account, p_terms api.fare_terms, p_money bigint
) RETURNS transit.trips
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_offer api.transfer_offer;
BEGIN
    p_trip.pass_id := NULL;
    p_trip.fare_rule := NULL;
    -- No trip of the account lies after its last one: most taps need not look for a journey.
    IF
        p_account.user_id IS NOT NULL
        AND p_trip.tapped_at < p_account.last_tapped_at + p_terms.transfer_window
    THEN
        v_offer := api.find_transfer(p_trip, p_terms);
        IF v_offer.fare > 0 AND v_offer.fare > p_money THEN
            p_trip.priced_transfer_declined := true;
        END IF;
        IF v_offer.fare = 0 OR NOT p_trip.priced_transfer_declined AND v_offer.fare > 0 THEN
            p_trip.journey_id := v_offer.journey_id;
            p_trip.transfer_number := v_offer.transfer_number;
            p_trip.fare := v_offer.fare;
            p_trip.fare_rule := 'transfer';
            RETURN p_trip;
        END IF;
    END IF;

    p_trip.journey_id := p_trip.trip_id;
    p_trip.transfer_number := 0;
    p_trip.fare := p_terms.full_fare;
    IF p_terms.free_trips > 0 AND api.count_free_trips(p_trip) < p_terms.free_trips THEN
        p_trip.fare := 0;
        p_trip.fare_rule := 'subsidy_pass';
    END IF;
    RETURN p_trip;
END;
$$;
COMMENT ON FUNCTION api.price_by_time(transit.trips, api.tapped_account, api.fare_terms, bigint) IS
'Transfer, free trip or full fare, by the trips before it in time';
