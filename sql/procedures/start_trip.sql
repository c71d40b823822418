-- One tap, under the lock of its account that the caller holds: answered from memory, or decided.
-- What names a thing that does not exist is not remembered.
CREATE FUNCTION api.start_trip(p_tap api.tap, p_account api.tapped_account) RETURNS api.decision
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_hash     uuid;
    v_record   transit.idempotency_records;
    v_decision api.decision;
BEGIN
    IF p_account.account_id IS NULL THEN
        v_decision.answer := api.refuse('card_not_found', NULL, NULL, false);
        RETURN v_decision;
    END IF;
    IF p_tap.key IS NULL THEN
        RETURN api.decide_tap(p_tap, p_account);
    END IF;

    v_hash := api.hash_request(
        'start_trip', p_tap.station_id::text, p_tap.route_id::text,
        extract(EPOCH FROM p_tap.tapped_at)::text
    );
    v_record := api.recall(p_tap.card_id, p_tap.key, v_hash);
    IF v_record.outcome IS NOT NULL THEN
        v_decision.answer := api.replay_tap(v_record, p_account);
        RETURN v_decision;
    END IF;
    v_decision := api.decide_tap(p_tap, p_account);
    IF (v_decision.answer).outcome NOT IN ('station_not_found', 'route_not_found') THEN
        v_record.card_id := p_tap.card_id;
        v_record.key := p_tap.key;
        v_record.request_hash := v_hash;
        v_record.outcome := (v_decision.answer).outcome;
        v_record.detail := (v_decision.answer).detail;
        v_record.reference_id := (v_decision.trip).trip_id;
        v_record.fare := (v_decision.trip).fare;
        v_record.fare_rule := (v_decision.trip).fare_rule;
        v_record.journey_id := (v_decision.trip).journey_id;
        v_record.balance := (v_decision.answer).balance;
        v_record.recorded_at := p_tap.arrived_at;
        v_decision.record := v_record;
    END IF;
    RETURN v_decision;
END;
$$;
COMMENT ON FUNCTION api.start_trip(api.tap, api.tapped_account) IS
'Answers one tap, from memory or by the rules';
