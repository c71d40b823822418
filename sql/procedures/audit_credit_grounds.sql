-- Invariant I38 (rule 8, 10).
--
-- "Credit: the card ... and its credit is not resting on arrival", and only where the balance did
-- not cover the base fare: a trip that is on credit was accepted so, left a debt, and was never
-- corrected (one that becomes full fare again shows base).
CREATE FUNCTION api.audit_credit_grounds(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'trip ' || t.trip_id,
    format(
        'on credit since %s, charged %s of %s first, which left a debt of %s; credit returned on'
        ' %s, and its corrections are %s',
        t.accepted_at, -e.amount, t.fare, e.debt_after, coalesce(r.returns_on, '-infinity'),
        count(k.entry_id)
    )
FROM transit.trips AS t
INNER JOIN transit.cards AS c ON c.account_id = t.account_id
INNER JOIN transit.ledger_entries AS e
    ON e.card_id = c.card_id AND e.reference_id = t.trip_id AND e.kind = 'fare'
LEFT JOIN api.audit_credit_rests(p_account_id) AS r
    ON r.account_id = t.account_id AND r.entry_id < e.entry_id AND r.until_entry_id > e.entry_id
LEFT JOIN transit.ledger_entries AS k
    ON k.reference_id = t.trip_id AND k.kind = 'fare_correction'
WHERE t.fare_rule = 'credit' AND (p_account_id IS NULL OR t.account_id = p_account_id)
GROUP BY t.trip_id, e.amount, e.debt_after, r.returns_on
HAVING
    r.returns_on > api.service_day(t.accepted_at)
    OR e.debt_after = 0
    OR e.amount <> -t.fare
    OR count(k.entry_id) > 0
$$;
COMMENT ON FUNCTION api.audit_credit_grounds(bigint) IS
'Credit trips of accounts that had the money, or whose credit rested';
