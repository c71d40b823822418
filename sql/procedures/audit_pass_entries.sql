-- "no ... pass ... without its entry; no entry without its cause": each monthly pass was paid
-- once, with its price, by its account.
CREATE FUNCTION api.audit_pass_entries(p_account_id bigint, p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH posted AS (
    SELECT
        e.reference_id, c.account_id, -sum(e.amount)::bigint AS price, count(*) AS entries
    FROM transit.ledger_entries AS e
    LEFT JOIN transit.cards AS c ON c.card_id = e.card_id
    WHERE e.kind = 'monthly_pass' AND (p_card_id IS NULL OR e.card_id = ANY (p_card_id))
    GROUP BY e.reference_id, c.account_id
),
sold AS (
    SELECT p.pass_id, p.account_id, p.price
    FROM transit.monthly_passes AS p
    WHERE p_account_id IS NULL OR p.account_id = p_account_id
)
SELECT
    'pass ' || coalesce(s.pass_id, p.reference_id),
    format(
        'account %s bought it for %s, and %s entries take %s for it',
        coalesce(s.account_id, p.account_id), coalesce(s.price::text, 'nothing it knows of'),
        coalesce(p.entries, 0), coalesce(p.price, 0)
    )
FROM sold AS s
FULL JOIN posted AS p ON p.reference_id = s.pass_id AND p.account_id = s.account_id
WHERE (s.price, 1) IS DISTINCT FROM (p.price, p.entries)
$$;
COMMENT ON FUNCTION api.audit_pass_entries(bigint, bigint[]) IS
'Passes that were not paid once with their price, and payments without a pass';
