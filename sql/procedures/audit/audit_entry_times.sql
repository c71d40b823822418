-- Invariant I11 (rule 14).
--
-- "one entry ... in the transaction that causes it": the entries of a card were posted in the order
-- of their identifiers, a fare at the moment its trip was accepted. The server's clock may step
-- back, so an hour between two entries says nothing.
CREATE FUNCTION api.audit_entry_times(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'card ' || e.card_id,
    format(
        'entry %s was posted %s, the one before it %s, and its trip was accepted %s',
        e.entry_id, e.posted_at, e.posted_before, coalesce(t.accepted_at::text, 'never')
    )
FROM (
    SELECT
        p.card_id, p.entry_id, p.kind, p.reference_id, p.posted_at,
        lag(p.posted_at) OVER (PARTITION BY p.card_id ORDER BY p.entry_id) AS posted_before
    FROM transit.ledger_entries AS p
    WHERE p_card_id IS NULL OR p.card_id = ANY (p_card_id)
) AS e
LEFT JOIN transit.trips AS t ON t.trip_id = e.reference_id AND e.kind = 'fare'
WHERE
    e.posted_at < e.posted_before - interval '1 hour'
    OR e.posted_at <> t.accepted_at
$$;
COMMENT ON FUNCTION api.audit_entry_times(bigint[]) IS
'Entries posted out of their order, or at another moment than their trip was accepted';
