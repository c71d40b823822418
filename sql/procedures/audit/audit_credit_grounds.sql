-- Invariant I38 (rule 8, 10).
--
-- "Credit: the card ... and its credit is not resting on arrival", and only where the balance did
-- not cover the base fare: a trip that is on credit was accepted so, left a debt, and was never
-- corrected (one that becomes full fare again shows base).
CREATE FUNCTION api.audit_credit_grounds(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH borrowed AS (
    SELECT
        t.account_id, t.trip_id, t.accepted_at, t.fare, e.entry_id, e.amount, e.debt_after
    FROM transit.trips AS t
    INNER JOIN transit.cards AS c ON c.account_id = t.account_id
    INNER JOIN transit.ledger_entries AS e
        ON e.card_id = c.card_id AND e.reference_id = t.trip_id AND e.kind = 'fare'
    WHERE t.fare_rule = 'credit' AND (p_account_id IS NULL OR t.account_id = p_account_id)
),
-- Trips and rests of an account in one order, because a join by ranges of entries would compare
-- each with each.
happened AS (
    SELECT r.account_id, r.entry_id, r.returns_on, NULL::bigint AS trip_id
    FROM api.audit_credit_rests(p_account_id) AS r
    UNION ALL
    SELECT b.account_id, b.entry_id, NULL, b.trip_id
    FROM borrowed AS b
),
counted AS (
    SELECT
        h.account_id, h.trip_id, h.returns_on,
        count(h.returns_on) OVER (PARTITION BY h.account_id ORDER BY h.entry_id) AS rests
    FROM happened AS h
),
rested AS (
    SELECT
        n.trip_id,
        max(n.returns_on) OVER (PARTITION BY n.account_id, n.rests) AS returns_on
    FROM counted AS n
)
SELECT
    'trip ' || b.trip_id,
    format(
        'on credit since %s, charged %s of %s first, which left a debt of %s; credit returned on %s',
        b.accepted_at, -b.amount, b.fare, b.debt_after, coalesce(r.returns_on, '-infinity')
    )
FROM borrowed AS b
INNER JOIN rested AS r ON r.trip_id = b.trip_id
WHERE
    r.returns_on > api.service_day(b.accepted_at)
    OR b.debt_after = 0
    OR b.amount <> -b.fare
    OR EXISTS (
        SELECT FROM transit.ledger_entries AS k
        WHERE k.reference_id = b.trip_id AND k.kind = 'fare_correction'
    )
$$;
COMMENT ON FUNCTION api.audit_credit_grounds(bigint) IS
'Credit trips of accounts that had the money, or whose credit rested';
