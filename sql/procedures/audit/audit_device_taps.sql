-- Invariant I23 (rule 14).
--
-- "Retries are safe": a trip of a validator has its record while a late repetition of the tap may
-- still come, so that it is answered and not charged again; a refusal has no trip.
-- Records are kept at least 8 days. An older trip may have lost its own, and the same device and
-- sequence may then have been accepted anew: the record that stands now says nothing about it.
CREATE FUNCTION api.audit_device_taps(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'trip ' || t.trip_id,
    format(
        'accepted as device %s, sequence %s of card %s, and the key says %s for trip %s',
        t.device_id, t.device_seq, t.card_id, coalesce(r.outcome, 'nothing'),
        coalesce(r.reference_id::text, 'none')
    )
FROM transit.trips AS t
LEFT JOIN transit.idempotency_records AS r
    ON r.card_id = t.card_id AND r.key = 'd/' || t.device_id || '/' || t.device_seq
WHERE
    t.device_id > 0
    AND (p_account_id IS NULL OR t.account_id = p_account_id)
    AND r.reference_id IS DISTINCT FROM t.trip_id
    AND t.accepted_at > coalesce(r.recorded_at, (SELECT api.clock_now())) - interval '7 days'
$$;
COMMENT ON FUNCTION api.audit_device_taps(bigint) IS
'Trips of validators that a repeated tap would not find again';
