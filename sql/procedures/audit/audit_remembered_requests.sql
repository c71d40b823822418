-- Invariant I21 (rule 14).
--
-- "idempotency_key_reused": a key is bound to one request, so the fingerprint that it keeps is that
-- of the trip, the recharge or the pass it led to. A tap may have been sent without its time.
CREATE FUNCTION api.audit_remembered_requests(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH effects AS (
    SELECT
        r.card_id, r.key, r.request_hash, 'trip ' || t.trip_id AS effect,
        ARRAY[
            'start_trip', t.start_station_id::text, t.route_id::text,
            extract(EPOCH FROM t.tapped_at)::text
        ] AS request,
        CASE WHEN t.tapped_at = t.accepted_at THEN
            ARRAY['start_trip', t.start_station_id::text, t.route_id::text, NULL]
        END AS request_without_time
    FROM transit.idempotency_records AS r
    INNER JOIN transit.trips AS t ON t.trip_id = r.reference_id
    WHERE r.fare_rule IS NOT NULL AND (p_card_id IS NULL OR r.card_id = ANY (p_card_id))
    UNION ALL
    SELECT
        r.card_id, r.key, r.request_hash, 'recharge ' || l.recharge_id,
        ARRAY['recharge', l.amount::text, l.channel, l.recharge_point_id::text], NULL
    FROM transit.idempotency_records AS r
    INNER JOIN transit.recharges AS l
        ON l.card_id = r.card_id AND l.recharge_id = r.reference_id
    WHERE
        r.outcome = 'accepted' AND r.fare_rule IS NULL
        AND (p_card_id IS NULL OR r.card_id = ANY (p_card_id))
    UNION ALL
    SELECT r.card_id, r.key, r.request_hash, 'pass ' || m.pass_id, ARRAY['monthly_pass'], NULL
    FROM transit.idempotency_records AS r
    INNER JOIN transit.monthly_passes AS m ON m.pass_id = r.reference_id
    WHERE
        r.outcome = 'created' AND r.debt IS NULL
        AND (p_card_id IS NULL OR r.card_id = ANY (p_card_id))
)
SELECT
    format('key %s of card %s', e.key, e.card_id),
    format('is bound to another request than the one for %s', e.effect)
FROM effects AS e
WHERE
    e.request_hash <> md5(e.request::text)::uuid
    AND e.request_hash IS DISTINCT FROM md5(e.request_without_time::text)::uuid
$$;
COMMENT ON FUNCTION api.audit_remembered_requests(bigint[]) IS
'Keys bound to another request than the one that had their effect';
