-- Invariant I32 (rule 5, 11).
--
-- "Journey: a trip that pays (the first) and the transfers that hang on it. ... A trip that starts
-- a journey closes the one before: only the latest is open."
-- In time order, trips on a monthly pass left out, each transfer follows a trip of its own
-- journey and is the next of it; so it hangs on a trip of the account that started a journey.
CREATE FUNCTION api.audit_journeys(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'trip ' || t.trip_id,
    format(
        'transfer %s of journey %s follows transfer %s of journey %s',
        t.transfer_number, t.journey_id, coalesce(t.number_before::text, 'none'),
        coalesce(t.journey_before::text, 'none')
    )
FROM (
    SELECT
        j.trip_id, j.fare_rule, j.journey_id, j.transfer_number,
        lag(j.journey_id) OVER by_time AS journey_before,
        lag(j.transfer_number) OVER by_time AS number_before
    FROM transit.trips AS j
    WHERE j.pass_id IS NULL AND (p_account_id IS NULL OR j.account_id = p_account_id)
    WINDOW by_time AS (
        PARTITION BY j.account_id ORDER BY j.tapped_at, j.device_id, j.device_seq, j.trip_id
    )
) AS t
WHERE
    t.fare_rule = 'transfer'
    AND (t.journey_id, t.transfer_number - 1) IS DISTINCT FROM (t.journey_before, t.number_before)
$$;
COMMENT ON FUNCTION api.audit_journeys(bigint) IS 'Transfers that do not continue the open journey';
