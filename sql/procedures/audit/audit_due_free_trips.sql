-- Invariant I36 (rule 6, 11).
--
-- "a late tap takes the free trip that was its due": no trip was charged in full while its
-- profile had free trips left in the month, counting those before it in time.
CREATE FUNCTION api.audit_due_free_trips(p_account_id bigint)
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
        t.trip_id, t.fare_rule, t.tapped_at, a.profile,
        count(*) FILTER (WHERE t.fare_rule = 'subsidy_pass') OVER (
            PARTITION BY
                t.account_id, date_trunc('month', t.tapped_at AT TIME ZONE 'America/Bogota')
            ORDER BY t.tapped_at, t.device_id, t.device_seq, t.trip_id
        ) AS uses
    FROM transit.trips AS t
    INNER JOIN transit.accounts AS a ON a.account_id = t.account_id
    WHERE
        a.profile IN (SELECT f.code FROM terms AS f WHERE f.free_trips_per_month > 0)
        AND (p_account_id IS NULL OR t.account_id = p_account_id)
)
SELECT
    'trip ' || r.trip_id,
    format(
        'charged by the rule %s when %s of the %s free trips of the month were used',
        r.fare_rule, r.uses, f.free_trips_per_month
    )
FROM ridden AS r
INNER JOIN terms AS f
    ON f.code = r.profile AND r.tapped_at >= f.valid_from AND r.tapped_at < f.valid_until
WHERE r.fare_rule IN ('base', 'credit') AND r.uses < f.free_trips_per_month
$$;
COMMENT ON FUNCTION api.audit_due_free_trips(bigint) IS 'Trips that should have been free';
