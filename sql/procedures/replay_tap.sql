-- The answer that a tap got when it was first decided, word for word, whatever happened since;
-- idempotency_key_reused when its key stands for another request; null when the key is new.
CREATE FUNCTION api.replay_tap(p_tap api.tap, p_request_hash uuid, p_account api.tapped_account)
RETURNS api.tap_answer
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_record transit.idempotency_records;
    v_trip   transit.trips;
BEGIN
    v_record := api.recall(p_tap.card_id, p_tap.key, p_request_hash);
    IF v_record.outcome IS NULL THEN
        RETURN NULL;
    END IF;
    IF v_record.outcome = 'idempotency_key_reused' THEN
        RETURN api.refuse(v_record.outcome, NULL, p_account.balance, false);
    END IF;
    IF v_record.outcome <> 'accepted' THEN
        RETURN api.refuse(v_record.outcome, v_record.detail, v_record.balance, true);
    END IF;
    SELECT t.* INTO v_trip FROM transit.trips AS t WHERE t.trip_id = v_record.reference_id;
    v_trip.fare := v_record.fare;
    v_trip.fare_rule := v_record.fare_rule;
    v_trip.journey_id := v_record.journey_id;
    v_trip.balance_after := v_record.balance;
    RETURN api.answer_tap(v_trip, p_account.user_id, true);
END;
$$;
COMMENT ON FUNCTION api.replay_tap(api.tap, uuid, api.tapped_account) IS
'The remembered answer to a tap that is sent again';
