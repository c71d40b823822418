-- Invariant I9 (rule 11, 14).
--
-- "Balance after this tap and the corrections it caused", as a trip has it, is that of the last
-- entry of the tap: its own, or the last of the corrections that follow.
CREATE FUNCTION api.audit_trip_balances(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'trip ' || t.trip_id,
    format('says a balance of %s after it, and entry %s says %s',
        t.balance_after, e.entry_id, e.balance_after)
FROM (
    SELECT
        p.entry_id, p.kind, p.balance_after,
        -- Trips of one account grow with their acceptance, so this is the tap that an entry
        -- follows.
        max(p.reference_id) FILTER (WHERE p.kind = 'fare') OVER by_posting AS trip_id,
        lead(p.kind) OVER by_posting AS kind_after
    FROM transit.ledger_entries AS p
    WHERE p_card_id IS NULL OR p.card_id = ANY (p_card_id)
    WINDOW by_posting AS (PARTITION BY p.card_id ORDER BY p.entry_id)
) AS e
INNER JOIN transit.trips AS t ON t.trip_id = e.trip_id
WHERE
    e.kind IN ('fare', 'fare_correction')
    AND e.kind_after IS DISTINCT FROM 'fare_correction'
    AND t.balance_after <> e.balance_after
$$;
COMMENT ON FUNCTION api.audit_trip_balances(bigint[]) IS
'Trips with another balance after them than the ledger has';
