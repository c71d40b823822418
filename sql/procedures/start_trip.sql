-- One tap, under the lock of its account that the caller holds: answered from memory, or decided
-- and remembered. What names a thing that does not exist is not remembered.
CREATE FUNCTION api.start_trip(p_tap api.tap) RETURNS api.tap_answer
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_account api.tapped_account := api.read_tapped_account(p_tap.card_id);
    v_hash    uuid;
    v_answer  api.tap_answer;
BEGIN
    IF v_account.account_id IS NULL THEN
        RETURN api.refuse('card_not_found', NULL, NULL, false);
    END IF;
    IF p_tap.key IS NULL THEN
        RETURN api.decide_tap(p_tap, v_account);
    END IF;

    v_hash := api.hash_request(
        'start_trip', p_tap.station_id::text, p_tap.route_id::text,
        extract(EPOCH FROM p_tap.tapped_at)::text
    );
    v_answer := api.replay_tap(p_tap, v_hash, v_account);
    IF v_answer.outcome IS NOT NULL THEN
        RETURN v_answer;
    END IF;
    v_answer := api.decide_tap(p_tap, v_account);
    IF v_answer.outcome NOT IN ('station_not_found', 'route_not_found') THEN
        INSERT INTO transit.idempotency_records (
            card_id, key, request_hash, outcome, detail, reference_id, fare, fare_rule, journey_id,
            balance, recorded_at
        )
        VALUES (
            p_tap.card_id, p_tap.key, v_hash, v_answer.outcome, v_answer.detail, v_answer.trip_id,
            v_answer.fare, v_answer.fare_rule::transit.fare_rule, v_answer.journey_id,
            v_answer.balance, p_tap.arrived_at
        );
    END IF;
    RETURN v_answer;
END;
$$;
COMMENT ON FUNCTION api.start_trip(api.tap) IS 'Answers one tap, from memory or by the rules';
