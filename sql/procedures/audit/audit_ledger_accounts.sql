-- Invariant I12 (rule 14).
--
-- "money in by channel = recharges of that channel; revenue accounts = fares and passes"
-- What passes through the account of replacements clears to 0.
CREATE FUNCTION api.audit_ledger_accounts()
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH causes AS (
    SELECT 'cash:' || r.channel AS account, -sum(r.amount) AS amount
    FROM transit.recharges AS r
    GROUP BY r.channel
    UNION ALL
    SELECT 'fare_revenue', coalesce(sum(t.fare), 0) FROM transit.trips AS t
    UNION ALL
    SELECT 'pass_revenue', coalesce(sum(p.price), 0) FROM transit.monthly_passes AS p
    UNION ALL
    SELECT 'replacement', 0
),
ledger AS (
    SELECT e.counterparty AS account, -sum(e.amount) AS amount
    FROM transit.ledger_entries AS e
    WHERE e.counterparty <> 'unclaimed'
    GROUP BY e.counterparty
)
SELECT
    'account ' || coalesce(c.account, l.account),
    format(
        'the ledger says %s, and what it stands for adds up to %s',
        coalesce(l.amount, 0), coalesce(c.amount, 0)
    )
FROM causes AS c
FULL JOIN ledger AS l ON l.account = c.account
WHERE coalesce(c.amount, 0) <> coalesce(l.amount, 0)
$$;
COMMENT ON FUNCTION api.audit_ledger_accounts() IS
'Accounts of the ledger that are not the sum of the recharges, fares or passes behind them';
