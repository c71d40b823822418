-- Invariant I35 (rule 6).
--
-- "Subsidy pass: the profile has free trips left in t's calendar month" (America/Bogota), by the
-- profile's row in force at t.
CREATE FUNCTION api.audit_free_trips(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH terms AS (
    SELECT
        p.code, p.free_trips_per_month, p.valid_from,
        lead(p.valid_from, 1, 'infinity') OVER (PARTITION BY p.code ORDER BY p.valid_from)
            AS valid_until
    FROM transit.profiles AS p
),
ridden AS (
    SELECT
        t.trip_id, t.account_id, t.tapped_at,
        row_number() OVER (
            PARTITION BY
                t.account_id, date_trunc('month', t.tapped_at AT TIME ZONE 'America/Bogota')
            ORDER BY t.tapped_at, t.device_id, t.device_seq, t.trip_id
        ) AS uses
    FROM transit.trips AS t
    WHERE
        t.fare_rule = 'subsidy_pass' AND (p_account_id IS NULL OR t.account_id = p_account_id)
)
SELECT
    'trip ' || r.trip_id,
    format(
        'free trip %s of its month; the profile %s has %s',
        r.uses, coalesce(a.profile, 'unknown'), coalesce(f.free_trips_per_month, 0)
    )
FROM ridden AS r
LEFT JOIN transit.accounts AS a ON a.account_id = r.account_id
LEFT JOIN terms AS f
    ON f.code = a.profile AND r.tapped_at >= f.valid_from AND r.tapped_at < f.valid_until
WHERE r.uses > coalesce(f.free_trips_per_month, 0)
$$;
COMMENT ON FUNCTION api.audit_free_trips(bigint) IS 'Free trips beyond those of the profile';
