-- Invariant I31 (rule 12).
--
-- "pass_in_force": a pass was bought when the one before it was used up or over. A tap may be
-- stamped 5 minutes ahead and the server's clock may step back, so an hour between the two says
-- nothing. Late taps only bring the end of the older pass forward.
CREATE FUNCTION api.audit_single_passes(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH bought AS (
    SELECT
        m.pass_id, m.purchased_at,
        lag(m.pass_id) OVER by_purchase AS pass_before,
        lag(m.trips) OVER by_purchase AS trips,
        lag(m.days) OVER by_purchase AS days
    FROM transit.monthly_passes AS m
    WHERE p_account_id IS NULL OR m.account_id = p_account_id
    WINDOW by_purchase AS (PARTITION BY m.account_id ORDER BY m.pass_id)
)
SELECT
    'pass ' || b.pass_id,
    format(
        'bought %s, when pass %s had %s of %s trips, the first of them %s, and %s days',
        b.purchased_at, b.pass_before,
        count(t.trip_id) FILTER (WHERE t.tapped_at <= b.purchased_at + interval '1 hour'),
        b.trips, coalesce(min(t.tapped_at)::text, 'never'), b.days
    )
FROM bought AS b
LEFT JOIN transit.trips AS t ON t.pass_id = b.pass_before
WHERE b.pass_before IS NOT NULL
GROUP BY b.pass_id, b.purchased_at, b.pass_before, b.trips, b.days
HAVING
    count(t.trip_id) FILTER (WHERE t.tapped_at <= b.purchased_at + interval '1 hour') < b.trips
    AND b.purchased_at >= min(t.tapped_at) + make_interval(hours => 24 * b.days)
    - interval '1 hour' IS NOT TRUE
$$;
COMMENT ON FUNCTION api.audit_single_passes(bigint) IS
'Passes bought while the one before was in force';
