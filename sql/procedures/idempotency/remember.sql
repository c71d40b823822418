-- Remembers what was decided for a key of a card; without a key there is nothing to remember.
--
-- Whoever chooses keys freely could fill the disk with refusals, so the newest 100 refusals of a
-- card are kept and the older ones dropped: a dropped request that is sent again is decided anew,
-- which is what a new key would have got. Successes are never dropped. Nor are taps, which
-- api.write_decisions remembers: a tap that was refused once stays refused as long as it can come.
CREATE FUNCTION api.remember(
    p_card_id bigint, p_key text, p_request_hash uuid, p_outcome text, p_detail text,
    p_facts jsonb, p_reference_id bigint, p_balance bigint, p_debt bigint, p_at timestamptz
) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    IF p_key IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO transit.idempotency_records (
        card_id, key, request_hash, outcome, detail, facts, reference_id, balance, debt,
        recorded_at, droppable
    )
    VALUES (
        p_card_id, p_key, p_request_hash, p_outcome, p_detail, p_facts, p_reference_id, p_balance,
        p_debt, p_at, CASE WHEN p_reference_id IS NULL THEN true END
    );
    IF p_reference_id IS NULL THEN
        DELETE FROM transit.idempotency_records AS r
        WHERE r.card_id = p_card_id AND r.key IN (
            SELECT o.key
            FROM transit.idempotency_records AS o
            WHERE o.card_id = p_card_id AND o.droppable
            ORDER BY o.recorded_at DESC, o.key = p_key DESC, o.key
            OFFSET 100
        );
    END IF;
END;
$$;
COMMENT ON FUNCTION api.remember(
    bigint, text, uuid, text, text, jsonb, bigint, bigint, bigint, timestamptz
) IS 'Remembers a decision by its key';
