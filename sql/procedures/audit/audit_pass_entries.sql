-- Invariant I6 (rule 12, 14).
--
-- "no ... pass ... without its entry; no entry without its cause": each monthly pass was paid
-- once, with its price, by its account, when it was bought, and left the balance that it says.
CREATE FUNCTION api.audit_pass_entries(p_account_id bigint, p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH posted AS (
    SELECT
        e.reference_id, c.account_id, -sum(e.amount)::bigint AS price, count(*) AS entries,
        max(e.balance_after) AS balance_after, max(e.posted_at) AS posted_at
    FROM transit.ledger_entries AS e
    LEFT JOIN transit.cards AS c ON c.card_id = e.card_id
    WHERE e.kind = 'monthly_pass' AND (p_card_id IS NULL OR e.card_id = ANY (p_card_id))
    GROUP BY e.reference_id, c.account_id
),
sold AS (
    SELECT p.pass_id, p.account_id, p.price, p.balance_after, p.purchased_at
    FROM transit.monthly_passes AS p
    WHERE p_account_id IS NULL OR p.account_id = p_account_id
)
SELECT
    'pass ' || coalesce(s.pass_id, p.reference_id),
    format(
        'account %s bought it for %s at %s down to %s, and %s entries take %s for it at %s down to %s',
        coalesce(s.account_id, p.account_id), coalesce(s.price::text, 'nothing it knows of'),
        s.purchased_at, s.balance_after, coalesce(p.entries, 0), coalesce(p.price, 0),
        p.posted_at, p.balance_after
    )
FROM sold AS s
FULL JOIN posted AS p ON p.reference_id = s.pass_id AND p.account_id = s.account_id
WHERE
    (s.price, s.balance_after, s.purchased_at, 1)
    IS DISTINCT FROM (p.price, p.balance_after, p.posted_at, p.entries)
$$;
COMMENT ON FUNCTION api.audit_pass_entries(bigint, bigint[]) IS
'Passes that were not paid once with their price, and payments without a pass';
