-- Invariant I50 (rule 11).
--
-- "A repricing that changes a rule leaves a row": in the order in which they happened each change
-- begins where the one before it ended, and the last one ends at the present rule and journey of
-- its trip. A correction posted with a change is one of the same trip.
CREATE FUNCTION api.audit_rule_changes(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'trip ' || h.trip_id,
    format(
        'a change led to %s of journey %s, and then it had %s of journey %s',
        h.new_rule, coalesce(h.new_journey::text, 'none'),
        h.next_rule, coalesce(h.next_journey::text, 'none')
    )
FROM (
    SELECT
        c.trip_id, c.new_rule, c.new_journey,
        lead(c.old_rule, 1, t.fare_rule) OVER by_time AS next_rule,
        CASE
            WHEN row_number() OVER by_time = count(*) OVER (PARTITION BY c.trip_id) THEN t.journey_id
            ELSE lead(c.old_journey) OVER by_time
        END AS next_journey
    FROM transit.rule_changes AS c
    INNER JOIN transit.trips AS t ON t.trip_id = c.trip_id
    WHERE p_account_id IS NULL OR t.account_id = p_account_id
    WINDOW by_time AS (PARTITION BY c.trip_id ORDER BY c.change_id)
) AS h
WHERE (h.new_rule, h.new_journey) IS DISTINCT FROM (h.next_rule, h.next_journey)
UNION ALL
SELECT
    'trip ' || c.trip_id,
    format('a change of its rule bears the number of an entry of %s', e.reference_id)
FROM transit.rule_changes AS c
INNER JOIN transit.trips AS t ON t.trip_id = c.trip_id
INNER JOIN transit.cards AS o ON o.account_id = t.account_id
INNER JOIN transit.ledger_entries AS e ON e.card_id = o.card_id AND e.entry_id = c.change_id
WHERE
    (p_account_id IS NULL OR t.account_id = p_account_id)
    AND (e.kind <> 'fare_correction' OR e.reference_id <> c.trip_id)
$$;
COMMENT ON FUNCTION api.audit_rule_changes(bigint) IS
'Trips whose changes of rule do not lead to their present one';
