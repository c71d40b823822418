-- Invariant I40 (rule 8, 11).
--
-- "accepted since debt was last 0": the trips up to the credit_trip_floor of an account count no
-- more. It stands just below the last tap that, with its own entry or with the corrections it
-- caused, made a debt of none.
CREATE FUNCTION api.audit_credit_floors(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH borrowers AS (
    SELECT DISTINCT c.account_id
    FROM transit.ledger_entries AS e
    INNER JOIN transit.cards AS c ON c.card_id = e.card_id
    WHERE e.debt_after > 0 AND (p_account_id IS NULL OR c.account_id = p_account_id)
),
posted AS (
    SELECT
        c.account_id, e.entry_id, e.kind, e.debt_after,
        lag(e.debt_after, 1, 0::transit.cop) OVER by_posting AS debt_before,
        -- Trips of one account grow with their acceptance, so this is the tap that an entry
        -- follows.
        max(e.reference_id) FILTER (WHERE e.kind = 'fare') OVER by_posting AS trip_id
    FROM borrowers AS b
    INNER JOIN transit.cards AS c ON c.account_id = b.account_id
    INNER JOIN transit.ledger_entries AS e ON e.card_id = c.card_id
    WINDOW by_posting AS (PARTITION BY c.account_id ORDER BY e.entry_id)
),
tapped AS (
    SELECT
        p.account_id, p.trip_id,
        max(p.debt_before) FILTER (WHERE p.kind = 'fare') AS debt_before,
        max(p.debt_after) FILTER (WHERE p.kind = 'fare') AS debt_charged,
        (max(ARRAY[p.entry_id, p.debt_after]))[2] AS debt_after
    FROM posted AS p
    WHERE p.kind IN ('fare', 'fare_correction')
    GROUP BY p.account_id, p.trip_id
),
floors AS (
    SELECT d.account_id, max(d.trip_id) - 1 AS trip_id
    FROM tapped AS d
    WHERE
        d.debt_before = 0 AND d.debt_charged > 0
        OR d.debt_charged = 0 AND d.debt_after > 0
    GROUP BY d.account_id
)
SELECT
    'account ' || a.account_id,
    format('credit trips up to %s count no more, and its debt began after trip %s',
        a.credit_trip_floor, coalesce(f.trip_id, 0))
FROM transit.accounts AS a
LEFT JOIN floors AS f ON f.account_id = a.account_id
WHERE
    (p_account_id IS NULL OR a.account_id = p_account_id)
    AND a.credit_trip_floor <> coalesce(f.trip_id, 0)
$$;
COMMENT ON FUNCTION api.audit_credit_floors(bigint) IS
'Accounts that count their credit trips from another trip than the one that began the debt';
