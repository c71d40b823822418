-- Invariant I29 (rule 4, 11).
--
-- "monthly pass, transfer, subsidy pass or full fare are decided anew (a seventh trip of a pass day
-- falls through to the next rule)": no trip went by another rule while a pass of its account was
-- in force for it, with trips left for it in all and on its day. A pass is in force up to the trip
-- that uses it up and to the end of its days; the first bought counts.
CREATE FUNCTION api.audit_due_passes(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH used AS (
    SELECT
        t.pass_id, t.tapped_at, t.device_id, t.device_seq, t.trip_id,
        row_number() OVER (
            PARTITION BY t.pass_id ORDER BY t.tapped_at, t.device_id, t.device_seq, t.trip_id
        ) AS uses
    FROM transit.trips AS t
    WHERE t.pass_id IS NOT NULL AND (p_account_id IS NULL OR t.account_id = p_account_id)
),
held AS (
    SELECT
        m.pass_id, m.account_id, m.purchased_at, m.max_trips_per_day,
        coalesce(b.tapped_at + make_interval(hours => 24 * m.days), 'infinity') AS expires_at,
        coalesce(e.tapped_at, 'infinity') AS used_up_at, e.device_id, e.device_seq, e.trip_id
    FROM transit.monthly_passes AS m
    LEFT JOIN used AS b ON b.pass_id = m.pass_id AND b.uses = 1
    LEFT JOIN used AS e ON e.pass_id = m.pass_id AND e.uses = m.trips
    WHERE p_account_id IS NULL OR m.account_id = p_account_id
),
due AS (
    SELECT DISTINCT ON (t.trip_id)
        t.trip_id, t.tapped_at, t.device_id, t.device_seq, t.accepted_at, t.fare, t.fare_rule,
        h.pass_id, h.purchased_at, h.max_trips_per_day
    FROM held AS h
    INNER JOIN transit.trips AS t
        ON t.account_id = h.account_id
        AND t.tapped_at >= h.purchased_at
        AND t.tapped_at <= h.used_up_at
        AND t.tapped_at < h.expires_at
        AND t.accepted_at >= h.purchased_at
        AND (
            h.trip_id IS NULL
            OR (t.tapped_at, t.device_id, t.device_seq, t.trip_id)
            < (h.used_up_at, h.device_id, h.device_seq, h.trip_id)
        )
    WHERE t.pass_id IS NULL
    ORDER BY t.trip_id, h.purchased_at, h.pass_id
)
SELECT
    'trip ' || d.trip_id,
    format(
        'charged %s by the rule %s, and pass %s of %s was in force for it',
        d.fare, d.fare_rule, d.pass_id, d.purchased_at
    )
FROM due AS d
LEFT JOIN used AS u
    ON u.pass_id = d.pass_id
    AND api.service_day(u.tapped_at) = api.service_day(d.tapped_at)
    AND (u.tapped_at, u.device_id, u.device_seq, u.trip_id)
    < (d.tapped_at, d.device_id, d.device_seq, d.trip_id)
-- Bought at the very moment of the arrival may have been after it.
WHERE d.purchased_at < d.accepted_at
GROUP BY d.trip_id, d.fare, d.fare_rule, d.pass_id, d.purchased_at, d.max_trips_per_day
HAVING count(u.trip_id) < d.max_trips_per_day
$$;
COMMENT ON FUNCTION api.audit_due_passes(bigint) IS 'Trips that should have been on a pass';
