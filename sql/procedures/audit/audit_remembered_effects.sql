-- Invariant I18 (rule 14).
--
-- "no idempotency record without its effect": what a key was told was accepted or created is
-- there, on the card of the key: a trip (of the device that the key names), a recharge, a pass,
-- or the card that replaced it.
CREATE FUNCTION api.audit_remembered_effects(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    format('key %s of card %s', r.key, r.card_id),
    format(
        'answered %s with %s %s, which the card does not have', r.outcome,
        CASE
            WHEN r.fare_rule IS NOT NULL THEN 'trip'
            WHEN r.outcome = 'accepted' THEN 'recharge'
            WHEN r.debt IS NULL THEN 'pass'
            ELSE 'new card'
        END,
        r.reference_id
    )
FROM transit.idempotency_records AS r
LEFT JOIN transit.trips AS t
    ON t.trip_id = r.reference_id AND t.card_id = r.card_id AND r.fare_rule IS NOT NULL
    AND r.key = CASE WHEN t.device_id > 0
        THEN 'd/' || t.device_id || '/' || t.device_seq ELSE r.key END
    AND (t.device_id > 0) = (r.key LIKE 'd/%')
LEFT JOIN transit.recharges AS l
    ON l.recharge_id = r.reference_id AND l.card_id = r.card_id
    AND r.outcome = 'accepted' AND r.fare_rule IS NULL
LEFT JOIN transit.monthly_passes AS p
    ON p.pass_id = r.reference_id AND p.card_id = r.card_id
    AND r.outcome = 'created' AND r.debt IS NULL
LEFT JOIN transit.cards AS c
    ON c.replaced_by = r.reference_id AND c.card_id = r.card_id
    AND r.outcome = 'created' AND r.debt IS NOT NULL
WHERE
    r.outcome IN ('accepted', 'created')
    AND (p_card_id IS NULL OR r.card_id = ANY (p_card_id))
    AND coalesce(t.trip_id, l.recharge_id, p.pass_id, c.card_id) IS NULL
$$;
COMMENT ON FUNCTION api.audit_remembered_effects(bigint[]) IS
'Keys that remember an effect which is not there';
