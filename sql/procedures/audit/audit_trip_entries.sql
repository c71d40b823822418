-- Invariant I4 (rule 14).
--
-- "every accepted trip's fare = the sum of the entries that name it; no trip ... without its
-- entry; no entry without its cause"
-- Exactly one entry of kind fare and any number of corrections, on cards of the trip's account.
-- For a day alone: what names its trips was posted from 5 minutes before it to 7 days after it.
CREATE FUNCTION api.audit_trip_entries(p_account_id bigint, p_card_id bigint[], p_on date)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH charged AS (
    SELECT t.trip_id, t.account_id, t.fare
    FROM transit.trips AS t
    WHERE
        (p_account_id IS NULL OR t.account_id = p_account_id)
        AND (p_on IS NULL OR t.tapped_at >= api.start_of_day(p_on)
            AND t.tapped_at < api.start_of_day(p_on + 1))
),
posted AS (
    SELECT
        e.reference_id, c.account_id, -sum(e.amount)::bigint AS fare,
        count(*) FILTER (WHERE e.kind = 'fare') AS charges
    FROM transit.ledger_entries AS e
    LEFT JOIN transit.cards AS c ON c.card_id = e.card_id
    WHERE
        e.kind IN ('fare', 'fare_correction')
        AND (p_card_id IS NULL OR e.card_id = ANY (p_card_id))
        AND (p_on IS NULL OR e.posted_at >= api.start_of_day(p_on) - interval '10 minutes'
            AND e.posted_at < api.start_of_day(p_on + 9))
    GROUP BY e.reference_id, c.account_id
)
SELECT
    'trip ' || coalesce(t.trip_id, p.reference_id),
    CASE
        WHEN t.trip_id IS NULL THEN format(
            'entries of account %s charge it %s, but the account has no such trip',
            p.account_id, p.fare
        )
        ELSE format(
            'fare %s, but %s fare entries and the corrections add up to %s',
            t.fare, coalesce(p.charges, 0), coalesce(p.fare, 0)
        )
    END
FROM charged AS t
FULL JOIN posted AS p ON p.reference_id = t.trip_id AND p.account_id = t.account_id
WHERE
    (t.fare, 1) IS DISTINCT FROM (p.fare, p.charges)
    AND (p_on IS NULL OR t.trip_id IS NOT NULL)
$$;
COMMENT ON FUNCTION api.audit_trip_entries(bigint, bigint[], date) IS
'Trips whose fare is not what the ledger charged, and charges without a trip';
