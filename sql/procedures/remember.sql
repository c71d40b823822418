-- Remembers what was decided for a key of a card; without a key there is nothing to remember.
CREATE FUNCTION api.remember(
    p_card_id bigint, p_key text, p_request_hash uuid, p_outcome text, p_detail text,
    p_facts jsonb, p_reference_id bigint, p_balance bigint, p_debt bigint, p_at timestamptz
) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    IF p_key IS NOT NULL THEN
        INSERT INTO transit.idempotency_records (
            card_id, key, request_hash, outcome, detail, facts, reference_id, balance, debt,
            recorded_at
        )
        VALUES (
            p_card_id, p_key, p_request_hash, p_outcome, p_detail, p_facts, p_reference_id, p_balance,
            p_debt, p_at
        );
    END IF;
END;
$$;
COMMENT ON FUNCTION api.remember(
    bigint, text, uuid, text, text, jsonb, bigint, bigint, bigint, timestamptz
) IS 'Remembers a decision by its key';
