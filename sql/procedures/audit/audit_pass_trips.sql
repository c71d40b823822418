-- Invariant I28 (rule 4).
--
-- "Monthly pass: ... 65 trips, in force from its purchase, 30 days from its first trip, at most 6
-- trips a service day": each trip on a pass lies within what the pass of its account allows.
CREATE FUNCTION api.audit_pass_trips(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'trip ' || t.trip_id,
    format(
        'use %s of %s of pass %s, on its day %s of %s, tapped %s for a pass of %s days'
        ' bought %s and first used %s',
        t.uses, coalesce(p.trips::text, 'none'), t.pass_id, t.uses_of_day, p.max_trips_per_day,
        t.tapped_at, p.days, coalesce(p.purchased_at::text, 'never'), t.first_tapped_at
    )
FROM (
    SELECT
        r.trip_id, r.account_id, r.pass_id, r.tapped_at, r.accepted_at,
        row_number() OVER by_time AS uses,
        first_value(r.tapped_at) OVER by_time AS first_tapped_at,
        row_number() OVER (
            PARTITION BY r.pass_id, api.service_day(r.tapped_at)
            ORDER BY r.tapped_at, r.device_id, r.device_seq, r.trip_id
        ) AS uses_of_day
    FROM transit.trips AS r
    WHERE r.pass_id IS NOT NULL AND (p_account_id IS NULL OR r.account_id = p_account_id)
    WINDOW by_time AS (
        PARTITION BY r.pass_id ORDER BY r.tapped_at, r.device_id, r.device_seq, r.trip_id
    )
) AS t
LEFT JOIN transit.monthly_passes AS p ON p.pass_id = t.pass_id AND p.account_id = t.account_id
WHERE
    p.pass_id IS NULL
    OR t.uses > p.trips
    OR t.uses_of_day > p.max_trips_per_day
    OR least(t.tapped_at, t.accepted_at) < p.purchased_at
    OR t.tapped_at >= t.first_tapped_at + make_interval(hours => 24 * p.days)
$$;
COMMENT ON FUNCTION api.audit_pass_trips(bigint) IS 'Trips on a pass that the pass does not allow';
