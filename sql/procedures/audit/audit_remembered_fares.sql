-- Invariant I19 (rule 14).
--
-- "A replay is equal ... and shows what was answered then, even if the trip was repriced since":
-- the fare that a key remembers is the one that the first entry of its trip charged.
CREATE FUNCTION api.audit_remembered_fares(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    format('key %s of card %s', r.key, r.card_id),
    format('remembers a fare of %s for trip %s, which was charged %s',
        r.fare, r.reference_id, -e.amount)
FROM transit.idempotency_records AS r
INNER JOIN transit.ledger_entries AS e ON e.reference_id = r.reference_id AND e.kind = 'fare'
WHERE
    r.fare_rule IS NOT NULL
    AND (p_card_id IS NULL OR r.card_id = ANY (p_card_id) AND e.card_id = ANY (p_card_id))
    AND r.fare IS DISTINCT FROM -e.amount
$$;
COMMENT ON FUNCTION api.audit_remembered_fares(bigint[]) IS
'Keys that remember another fare than was charged';
