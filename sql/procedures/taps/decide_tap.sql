-- One tap that was never decided before, by the nine rules in their order. Writes nothing: the
-- decision carries the trip of an accepted tap.
CREATE FUNCTION api.decide_tap(
    p_tap api.tap, p_account api.tapped_account, p_terms api.fare_terms
) RETURNS api.decision
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_at       timestamptz := coalesce(p_tap.tapped_at, p_tap.arrived_at);
    v_trip     transit.trips;
    v_decision api.decision;
BEGIN
    IF p_terms.component IS NULL THEN
        v_decision.answer := api.refuse('station_not_found', NULL, p_account.balance, false);
        RETURN v_decision;
    END IF;
    IF
        p_tap.route_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM transit.routes AS r WHERE r.route_id = p_tap.route_id)
    THEN
        v_decision.answer := api.refuse('route_not_found', NULL, p_account.balance, false);
        RETURN v_decision;
    END IF;
    v_decision.answer := api.refuse_tap(
        p_tap.card_id, v_at, p_tap.arrived_at, p_account, p_terms
    );
    IF (v_decision.answer).outcome IS NOT NULL THEN
        RETURN v_decision;
    END IF;

    v_trip.trip_id := api.next_id('transit.trip_ids', api.slot_of(p_account.account_id));
    v_trip.account_id := p_account.account_id;
    v_trip.card_id := p_tap.card_id;
    v_trip.start_station_id := p_tap.station_id;
    v_trip.route_id := p_tap.route_id;
    v_trip.tapped_at := v_at;
    v_trip.accepted_at := p_tap.arrived_at;
    v_trip.device_id := coalesce(p_tap.device_id, 0);
    v_trip.device_seq := coalesce(p_tap.device_seq, 0);
    v_trip.tariff_id := p_terms.tariff_id;
    v_trip.priced_transfer_declined := false;
    v_trip := api.price_tap(v_trip, p_account, p_terms);
    IF v_trip.fare_rule IS NULL THEN
        v_decision.answer := api.refuse_for_fare(v_trip, p_account);
        RETURN v_decision;
    END IF;
    v_trip.balance_after := greatest(p_account.balance - v_trip.fare, 0);
    v_decision.trip := v_trip;
    v_decision.account := p_account;
    v_decision.answer := api.answer_tap(v_trip, p_account.user_id, false);
    RETURN v_decision;
END;
$$;
COMMENT ON FUNCTION api.decide_tap(api.tap, api.tapped_account, api.fare_terms) IS
'Decides a tap by the fare rules';
