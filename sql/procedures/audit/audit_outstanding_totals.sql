-- Invariant I14 (rule 14).
--
-- "rollups behind the analytics = the sums they stand for": the changes of balance and debt that
-- all days together report are what the accounts hold and owe. (On which day a change counts is
-- free; only the sum over the days says something.)
CREATE FUNCTION api.audit_outstanding_totals()
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'all days',
    format(
        'balance %s and debt %s are rolled up, and the accounts have %s and %s',
        r.balance, r.debt, h.balance, h.debt
    )
FROM (
    SELECT coalesce(sum(a.balance), 0) AS balance, coalesce(sum(a.debt), 0) AS debt
    FROM transit.accounts AS a
) AS h,
    (
        SELECT coalesce(sum(c.balance), 0) AS balance, coalesce(sum(c.debt), 0) AS debt
        FROM api.day_activity AS c
    ) AS r
WHERE (h.balance, h.debt) <> (r.balance, r.debt)
$$;
COMMENT ON FUNCTION api.audit_outstanding_totals() IS
'Outstanding balance and debt, rolled up otherwise than the accounts have them';
