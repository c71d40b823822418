-- The record of a key of a card, matched with the request; null when the key is new or there is
-- none.
CREATE FUNCTION api.recall(p_card_id bigint, p_key text, p_request_hash uuid)
RETURNS transit.idempotency_records
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_record transit.idempotency_records;
BEGIN
    IF p_key IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT r.* INTO v_record
    FROM transit.idempotency_records AS r
    WHERE r.card_id = p_card_id AND r.key = p_key;
    RETURN api.match_request(v_record, p_request_hash);
END;
$$;
COMMENT ON FUNCTION api.recall(bigint, text, uuid) IS 'What was decided for a key';
