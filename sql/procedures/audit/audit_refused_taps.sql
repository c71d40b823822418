-- Invariant I49 (rule 9).
--
-- A refused tap keeps its place and time: each refusal that the key of a validator's tap remembers
-- has its refused tap, unless it is older than the refused taps that are kept.
CREATE FUNCTION api.audit_refused_taps(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    format('key %s of card %s', r.key, r.card_id),
    format('remembers %s at %s, and no refused tap says so',
        r.outcome, api.format_time(r.recorded_at))
FROM transit.idempotency_records AS r
WHERE
    r.key LIKE 'd/%'
    AND r.outcome <> 'accepted'
    AND (p_card_id IS NULL OR r.card_id = ANY (p_card_id))
    AND r.recorded_at >= (SELECT min(first.arrived_at) FROM transit.refused_taps AS first)
    AND NOT EXISTS (
        SELECT FROM transit.refused_taps AS t
        WHERE
            t.arrived_at = r.recorded_at
            AND t.card_id = r.card_id
            AND t.outcome = r.outcome
            AND 'd/' || t.device_id || '/' || t.device_seq = r.key
    )
$$;
COMMENT ON FUNCTION api.audit_refused_taps(bigint[]) IS
'Remembered refusals whose place and time are not kept';
