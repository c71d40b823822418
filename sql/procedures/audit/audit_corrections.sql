-- Invariant I10 (rule 11).
--
-- "Differences are posted as ledger entries of kind fare_correction": each correction follows the
-- fare entry of the late tap that caused it, at the same moment, and the trip that it corrects
-- lies after that tap in time, on the same account.
CREATE FUNCTION api.audit_corrections(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH corrected AS (
    SELECT DISTINCT e.card_id
    FROM transit.ledger_entries AS e
    WHERE e.kind = 'fare_correction' AND (p_card_id IS NULL OR e.card_id = ANY (p_card_id))
),
posted AS (
    SELECT
        e.card_id, e.entry_id, e.kind, e.amount, e.reference_id, e.posted_at,
        max(e.entry_id) FILTER (WHERE e.kind <> 'fare_correction') OVER (
            PARTITION BY e.card_id ORDER BY e.entry_id
        ) AS cause_id
    FROM corrected AS d
    INNER JOIN transit.ledger_entries AS e ON e.card_id = d.card_id
)
SELECT
    'trip ' || p.reference_id,
    format(
        'entry %s of %s corrects it at %s and follows entry %s of %s (%s); tapped %s against %s',
        p.entry_id, p.amount, p.posted_at, coalesce(c.entry_id::text, 'none'), c.posted_at,
        coalesce(c.kind::text, 'nothing'), t.tapped_at, l.tapped_at
    )
FROM posted AS p
LEFT JOIN transit.ledger_entries AS c ON c.card_id = p.card_id AND c.entry_id = p.cause_id
LEFT JOIN transit.trips AS l ON l.trip_id = c.reference_id AND c.kind = 'fare'
LEFT JOIN transit.trips AS t ON t.trip_id = p.reference_id AND t.account_id = l.account_id
WHERE
    p.kind = 'fare_correction'
    AND (
        p.posted_at = c.posted_at IS NOT TRUE
        OR (t.tapped_at, t.device_id, t.device_seq, t.trip_id)
        > (l.tapped_at, l.device_id, l.device_seq, l.trip_id) IS NOT TRUE
    )
$$;
COMMENT ON FUNCTION api.audit_corrections(bigint[]) IS 'Corrections that no late tap caused';
