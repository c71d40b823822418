-- Invariant I1 (rule 14).
--
-- "balance - debt of every card = the sum of its entries = what its last entry says"
-- The money of an account stands on its newest card; the older ones are at 0.
CREATE FUNCTION api.audit_card_balances(p_account_id bigint, p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH held AS (
    SELECT
        c.card_id,
        CASE WHEN a.card_id = c.card_id THEN a.balance ELSE 0 END AS balance,
        CASE WHEN a.card_id = c.card_id THEN a.debt ELSE 0 END AS debt
    FROM transit.cards AS c
    INNER JOIN transit.accounts AS a ON a.account_id = c.account_id
    WHERE p_account_id IS NULL OR c.account_id = p_account_id
),
posted AS (
    SELECT
        e.card_id, sum(e.amount)::bigint AS amount,
        -- Arrays compare from the left, so the greatest one is the last entry.
        max(ARRAY[e.entry_id, e.balance_after, e.debt_after]) AS last_entry
    FROM transit.ledger_entries AS e
    WHERE p_card_id IS NULL OR e.card_id = ANY (p_card_id)
    GROUP BY e.card_id
)
SELECT
    'card ' || coalesce(h.card_id, p.card_id),
    format(
        'balance %s and debt %s; the last entry says %s and %s, and the entries add up to %s',
        coalesce(h.balance::text, 'unknown'), coalesce(h.debt::text, 'unknown'),
        coalesce(p.last_entry[2], 0), coalesce(p.last_entry[3], 0), coalesce(p.amount, 0)
    )
FROM held AS h
FULL JOIN posted AS p ON p.card_id = h.card_id
WHERE
    (h.balance, h.debt, h.balance - h.debt)
    IS DISTINCT FROM
    (coalesce(p.last_entry[2], 0), coalesce(p.last_entry[3], 0), coalesce(p.amount, 0))
$$;
COMMENT ON FUNCTION api.audit_card_balances(bigint, bigint[]) IS
'Cards whose balance and debt are not what their entries say';
