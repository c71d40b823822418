-- "monthly pass, transfer, subsidy pass or full fare are decided anew (a seventh trip of a pass day
-- falls through to the next rule)": no trip went by another rule while a pass of its account was
-- in force for it, with trips left for it in all and on its day.
CREATE FUNCTION api.audit_due_passes(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'trip ' || t.trip_id,
    format(
        'charged %s by the rule %s, and pass %s of %s was in force for it',
        t.fare, t.fare_rule, p.pass_id, p.purchased_at
    )
FROM transit.trips AS t
INNER JOIN (
    SELECT m.account_id, min(m.purchased_at) AS purchased_at
    FROM transit.monthly_passes AS m
    WHERE p_account_id IS NULL OR m.account_id = p_account_id
    GROUP BY m.account_id
) AS holder
    ON holder.account_id = t.account_id
    AND holder.purchased_at <= least(t.tapped_at, t.accepted_at)
CROSS JOIN LATERAL api.find_pass(t) AS p
WHERE
    t.pass_id IS NULL
    AND (p_account_id IS NULL OR t.account_id = p_account_id)
    -- Bought at the very moment of the arrival may have been after it.
    AND p.purchased_at < t.accepted_at
    AND api.count_pass_trips_of_day(p.pass_id, t, true) < p.max_trips_per_day
$$;
COMMENT ON FUNCTION api.audit_due_passes(bigint) IS 'Trips that should have been on a pass';
