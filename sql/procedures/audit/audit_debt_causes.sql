-- Invariant I3 (rule 8, 11).
--
-- "debt within what credit and corrections allow": debt grows only by the fare of a trip accepted
-- on credit and by a correction (and comes over whole with a replacement).
-- A trip that was on credit and was priced again since has a correction to show for it.
CREATE FUNCTION api.audit_debt_causes(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'card ' || e.card_id,
    format(
        'entry %s (%s of %s, naming %s) leaves a debt of %s, and it is no credit trip',
        e.entry_id, e.kind, e.amount, e.reference_id, e.debt_after
    )
FROM transit.ledger_entries AS e
LEFT JOIN transit.trips AS t
    ON t.trip_id = e.reference_id AND e.kind = 'fare' AND t.fare_rule = 'credit'
LEFT JOIN transit.ledger_entries AS k
    ON k.reference_id = e.reference_id AND e.kind = 'fare' AND k.kind = 'fare_correction'
WHERE
    (p_card_id IS NULL OR e.card_id = ANY (p_card_id))
    AND e.debt_after > 0
    AND e.amount < 0
    AND e.kind NOT IN ('fare_correction', 'replacement')
    AND t.trip_id IS NULL
    AND k.entry_id IS NULL
$$;
COMMENT ON FUNCTION api.audit_debt_causes(bigint[]) IS
'Entries that lend money though they are neither credit nor correction';
