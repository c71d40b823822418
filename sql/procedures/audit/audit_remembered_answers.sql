-- Invariant I20 (rule 14).
--
-- "A replay is equal ... and shows what was answered then, even if the trip was repriced since":
-- the balance that a key remembers is that of its trip, the rule and the journey fit what was
-- charged first, and are those of the trip unless a late tap before it arrived after it. A
-- replacement remembers the money that came over.
CREATE FUNCTION api.audit_remembered_answers(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    format('key %s of card %s', r.key, r.card_id),
    format(
        'remembers the rule %s, journey %s and a balance of %s; trip %s has the rule %s, journey'
        ' %s and %s, and was charged %s first, which left a debt of %s',
        r.fare_rule, coalesce(r.journey_id::text, 'none'), r.balance, t.trip_id, t.fare_rule,
        coalesce(t.journey_id::text, 'none'), t.balance_after, -e.amount, e.debt_after
    )
FROM transit.idempotency_records AS r
INNER JOIN transit.trips AS t ON t.trip_id = r.reference_id
INNER JOIN transit.ledger_entries AS e ON e.reference_id = r.reference_id AND e.kind = 'fare'
WHERE
    r.fare_rule IS NOT NULL
    AND (p_card_id IS NULL OR r.card_id = ANY (p_card_id) AND e.card_id = ANY (p_card_id))
    AND (
        r.balance IS DISTINCT FROM t.balance_after
        OR r.fare_rule IN ('base', 'credit') AND e.amount = 0
        OR r.fare_rule IN ('subsidy_pass', 'monthly_pass') AND e.amount <> 0
        OR r.fare_rule = 'base' AND e.debt_after > 0
        OR r.fare_rule = 'credit' AND e.debt_after = 0
        OR (r.fare_rule = 'monthly_pass') <> (r.journey_id IS NULL)
        OR (r.fare_rule = 'transfer') <> (r.journey_id <> t.trip_id)
        OR (r.fare_rule, r.journey_id) IS DISTINCT FROM (t.fare_rule, t.journey_id)
        AND NOT EXISTS (
            SELECT FROM transit.trips AS l
            WHERE
                l.account_id = t.account_id
                AND l.trip_id > t.trip_id
                AND l.tapped_at > t.tapped_at - interval '8 days'
                AND (l.tapped_at, l.device_id, l.device_seq, l.trip_id)
                < (t.tapped_at, t.device_id, t.device_seq, t.trip_id)
        )
    )
UNION ALL
SELECT
    format('key %s of card %s', r.key, r.card_id),
    format('remembers a balance of %s and a debt of %s, and %s and %s came over to card %s',
        r.balance, r.debt, e.balance_after, e.debt_after, e.card_id)
FROM transit.idempotency_records AS r
INNER JOIN transit.ledger_entries AS e
    ON e.card_id = r.reference_id AND e.reference_id = r.card_id AND e.kind = 'replacement'
WHERE
    r.outcome = 'created'
    AND r.debt IS NOT NULL
    AND (p_card_id IS NULL OR r.card_id = ANY (p_card_id))
    AND (r.balance, r.debt) IS DISTINCT FROM (e.balance_after, e.debt_after)
$$;
COMMENT ON FUNCTION api.audit_remembered_answers(bigint[]) IS
'Keys that remember another balance, rule or journey than the books have';
