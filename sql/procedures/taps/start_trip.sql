-- One tap, under the lock of its account that the caller holds: answered from memory, or decided.
-- What names a thing that does not exist is not remembered.
CREATE FUNCTION api.start_trip(p_facts api.tap_facts) RETURNS api.decision
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_tap      api.tap := p_facts.tap;
    v_account  api.tapped_account := p_facts.account;
    v_hash     uuid;
    v_record   transit.idempotency_records;
    v_decision api.decision;
BEGIN
    IF v_account.account_id IS NULL THEN
        v_decision.answer := api.refuse('card_not_found', NULL, NULL, false);
        RETURN v_decision;
    END IF;
    IF v_tap.key IS NULL THEN
        RETURN api.decide_tap(v_tap, v_account, p_facts.terms);
    END IF;

    v_hash := api.hash_request(
        'start_trip', v_tap.station_id::text, v_tap.route_id::text,
        extract(EPOCH FROM v_tap.tapped_at)::text
    );
    IF (p_facts.record).key IS NOT NULL THEN
        v_decision.answer := api.replay_tap(
            api.match_request(p_facts.record, v_hash), v_account
        );
        RETURN v_decision;
    END IF;
    v_decision := api.decide_tap(v_tap, v_account, p_facts.terms);
    IF (v_decision.answer).outcome NOT IN ('station_not_found', 'route_not_found') THEN
        v_record.card_id := v_tap.card_id;
        v_record.key := v_tap.key;
        v_record.request_hash := v_hash;
        v_record.outcome := (v_decision.answer).outcome;
        v_record.detail := (v_decision.answer).detail;
        v_record.facts := (v_decision.answer).facts;
        v_record.reference_id := (v_decision.trip).trip_id;
        v_record.fare := (v_decision.trip).fare;
        v_record.fare_rule := (v_decision.trip).fare_rule;
        v_record.journey_id := (v_decision.trip).journey_id;
        v_record.balance := (v_decision.answer).balance;
        v_record.recorded_at := v_tap.arrived_at;
        v_decision.record := v_record;
    END IF;
    RETURN v_decision;
END;
$$;
COMMENT ON FUNCTION api.start_trip(api.tap_facts) IS
'Answers one tap, from memory or by the rules';
