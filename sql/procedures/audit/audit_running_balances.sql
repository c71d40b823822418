-- Invariant I2 (rule 14).
--
-- "Every movement of money is one entry ... and carries the card's running balance and debt"
-- Read in posting order, each entry stands its amount away from the one before it.
CREATE FUNCTION api.audit_running_balances(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'card ' || s.card_id,
    format(
        'entry %s of %s says %s after an entry that says %s',
        s.entry_id, s.amount, s.net, s.net_before
    )
FROM (
    SELECT
        e.card_id, e.entry_id, e.amount, e.balance_after - e.debt_after AS net,
        lag(e.balance_after - e.debt_after, 1, 0::bigint) OVER (
            PARTITION BY e.card_id ORDER BY e.entry_id
        ) AS net_before
    FROM transit.ledger_entries AS e
    WHERE p_card_id IS NULL OR e.card_id = ANY (p_card_id)
) AS s
WHERE s.net <> s.net_before + s.amount
$$;
COMMENT ON FUNCTION api.audit_running_balances(bigint[]) IS
'Entries whose running balance does not follow from the one before';
