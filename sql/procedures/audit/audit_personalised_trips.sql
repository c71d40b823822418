-- Invariant I27 (rule 4, 5, 8).
--
-- "Personalised card: belongs to a user. An anonymous card is basic." Transfers, credit and
-- monthly passes are for personalised cards.
CREATE FUNCTION api.audit_personalised_trips(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'trip ' || t.trip_id,
    format('the rule %s was applied, and account %s has no user', t.fare_rule, t.account_id)
FROM transit.trips AS t
INNER JOIN transit.accounts AS a ON a.account_id = t.account_id
WHERE
    t.fare_rule IN ('transfer', 'credit', 'monthly_pass')
    AND a.user_id IS NULL
    AND (p_account_id IS NULL OR t.account_id = p_account_id)
$$;
COMMENT ON FUNCTION api.audit_personalised_trips(bigint) IS
'Trips of anonymous cards by rules for personalised ones';
