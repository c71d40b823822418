-- Invariant I13 (rule 14).
--
-- "all accounts together = 0": the cards as they stand, against everybody who paid them or whom
-- they paid.
CREATE FUNCTION api.audit_sum_of_accounts()
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'all accounts',
    format('the cards hold %s, and their counterparties %s', h.amount, l.amount)
FROM
    (SELECT coalesce(sum(a.balance - a.debt), 0) AS amount FROM transit.accounts AS a) AS h,
    (SELECT -coalesce(sum(e.amount), 0) AS amount FROM transit.ledger_entries AS e) AS l
WHERE h.amount + l.amount <> 0
$$;
COMMENT ON FUNCTION api.audit_sum_of_accounts() IS 'Money that came from nowhere or is lost';
