-- Invariant I22 (rule 14).
--
-- "Two identical requests in flight at once give one effect": an effect belongs to the one key of
-- the request that caused it; where two keys name it, the effect of one of them is missing.
CREATE FUNCTION api.audit_single_keys(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'card ' || r.card_id,
    format('%s keys, from %s to %s, name the same effect %s',
        count(*), min(r.key), max(r.key), r.reference_id)
FROM transit.idempotency_records AS r
WHERE r.reference_id IS NOT NULL AND (p_card_id IS NULL OR r.card_id = ANY (p_card_id))
-- Effects of two kinds may have equal identifiers. Trips have a rule, new cards a debt.
GROUP BY r.card_id, r.reference_id, r.outcome, r.fare_rule IS NULL, r.debt IS NULL
HAVING count(*) > 1
$$;
COMMENT ON FUNCTION api.audit_single_keys(bigint[]) IS 'Effects that two keys remember as theirs';
