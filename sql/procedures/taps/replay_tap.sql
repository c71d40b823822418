-- The answer that a tap got when it was first decided, word for word, whatever happened since; or
-- idempotency_key_reused, where its key stands for another request.
CREATE FUNCTION api.replay_tap(
    p_record transit.idempotency_records, p_account api.tapped_account
) RETURNS api.tap_answer
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_trip transit.trips;
BEGIN
    IF p_record.outcome = 'idempotency_key_reused' THEN
        RETURN api.refuse(p_record.outcome, NULL, p_account.balance, false);
    END IF;
    IF p_record.outcome <> 'accepted' THEN
        RETURN api.refuse(
            p_record.outcome, p_record.detail, p_record.balance, true, p_record.facts
        );
    END IF;
    SELECT t.* INTO v_trip FROM transit.trips AS t WHERE t.trip_id = p_record.reference_id;
    v_trip.fare := p_record.fare;
    v_trip.fare_rule := p_record.fare_rule;
    v_trip.journey_id := p_record.journey_id;
    v_trip.balance_after := p_record.balance;
    RETURN api.answer_tap(v_trip, p_account.user_id, true);
END;
$$;
COMMENT ON FUNCTION api.replay_tap(transit.idempotency_records, api.tapped_account) IS
'The remembered answer to a tap that is sent again';
