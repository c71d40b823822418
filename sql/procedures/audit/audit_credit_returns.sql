-- Invariant I39 (rule 10).
--
-- "When a recharge clears a debt, credit rests": the first service day with credit of an account
-- is the one that its recharges say.
CREATE FUNCTION api.audit_credit_returns(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'account ' || a.account_id,
    format('credit returns on %s, and its recharges say %s',
        a.credit_returns_on, coalesce(r.returns_on, '-infinity'))
FROM transit.accounts AS a
LEFT JOIN api.audit_credit_rests(p_account_id) AS r
    ON r.account_id = a.account_id AND r.until_entry_id = 9223372036854775807
WHERE
    (p_account_id IS NULL OR a.account_id = p_account_id)
    AND a.credit_returns_on <> coalesce(r.returns_on, '-infinity')
$$;
COMMENT ON FUNCTION api.audit_credit_returns(bigint) IS
'Accounts whose credit returns on another day than their recharges say';
