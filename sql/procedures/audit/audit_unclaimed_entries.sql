-- Invariant I8 (rule 13, 14).
--
-- "A card issued 5 years ago and unused for 2 is expired by a maintenance procedure that posts its
-- balance to an unclaimed-balances account": all that it holds or owes, and the card is expired.
CREATE FUNCTION api.audit_unclaimed_entries(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'card ' || e.card_id,
    format(
        'entry %s posted %s as unclaimed, naming card %s, and left a balance of %s and a debt of'
        ' %s; the card is %s',
        e.entry_id, -e.amount, e.reference_id, e.balance_after,
        e.debt_after, coalesce(c.status, 'unknown')
    )
FROM transit.ledger_entries AS e
LEFT JOIN transit.cards AS c ON c.card_id = e.card_id
WHERE
    e.kind = 'unclaimed'
    AND (p_card_id IS NULL OR e.card_id = ANY (p_card_id))
    AND (c.status, e.reference_id, e.balance_after, e.debt_after)
    IS DISTINCT FROM ('expired', e.card_id, 0, 0)
$$;
COMMENT ON FUNCTION api.audit_unclaimed_entries(bigint[]) IS
'Balances posted as unclaimed though the card is not expired, or not whole';
