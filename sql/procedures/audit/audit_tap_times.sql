-- Invariant I25 (rule 2).
--
-- "tap_in_future (t more than 5 minutes after the server's clock), tap_too_old (more than 7 days
-- before it)": no trip was accepted whose tap should have been refused for its time.
CREATE FUNCTION api.audit_tap_times(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'trip ' || t.trip_id,
    format('tapped %s and accepted %s', t.tapped_at, t.accepted_at)
FROM transit.trips AS t
WHERE
    (p_account_id IS NULL OR t.account_id = p_account_id)
    AND (
        t.tapped_at > t.accepted_at + interval '5 minutes'
        OR t.tapped_at < t.accepted_at - interval '7 days'
    )
$$;
COMMENT ON FUNCTION api.audit_tap_times(bigint) IS
'Trips accepted earlier or later than their tap can be';
