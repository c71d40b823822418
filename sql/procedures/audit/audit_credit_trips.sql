-- Invariant I37 (rule 8).
--
-- "fewer than 2 credit trips (trips whose present rule is credit, accepted since debt was last 0)"
-- What stands between a tap and the last of its corrections is not a state in which debt can be
-- 0, nor is the old card of a replacement. Accounts with at most 2 credit trips cannot offend.
CREATE FUNCTION api.audit_credit_trips(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH borrowers AS (
    SELECT t.account_id
    FROM transit.trips AS t
    WHERE t.fare_rule = 'credit' AND (p_account_id IS NULL OR t.account_id = p_account_id)
    GROUP BY t.account_id
    HAVING count(*) > 2
),
posted AS (
    SELECT
        c.account_id, e.entry_id, e.reference_id, e.kind,
        (
            e.debt_after = 0 AND e.kind <> 'replacement'
            AND lead(e.kind) OVER by_posting IS DISTINCT FROM 'fare_correction'
        )::integer AS clears
    FROM borrowers AS b
    INNER JOIN transit.cards AS c ON c.account_id = b.account_id
    INNER JOIN transit.ledger_entries AS e ON e.card_id = c.card_id
    WINDOW by_posting AS (PARTITION BY c.account_id ORDER BY e.entry_id)
),
spelled AS (
    SELECT
        p.account_id, p.reference_id, p.kind,
        sum(p.clears) OVER (PARTITION BY p.account_id ORDER BY p.entry_id) - p.clears AS spell
    FROM posted AS p
)
SELECT
    'account ' || s.account_id,
    format('%s credit trips, up to trip %s, between two moments without debt; 2 are allowed',
        count(*), max(t.trip_id))
FROM spelled AS s
INNER JOIN transit.trips AS t
    ON t.trip_id = s.reference_id AND s.kind = 'fare' AND t.fare_rule = 'credit'
GROUP BY s.account_id, s.spell
HAVING count(*) > 2
$$;
COMMENT ON FUNCTION api.audit_credit_trips(bigint) IS
'Accounts that rode on credit more often than is allowed';
