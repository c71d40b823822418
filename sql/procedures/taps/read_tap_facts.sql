-- What decisions need to know of the taps of a call, in the order of the arrays: one statement for
-- all of them, because a statement costs more than a row. Each thing is looked up by a subquery of
-- its own, which no plan made on an empty table can turn into a scan.
CREATE FUNCTION api.read_tap_facts(
    p_ref integer[], p_card_id bigint[], p_station_id bigint[], p_route_id bigint[],
    p_tapped_at timestamptz[], p_device_id bigint[], p_device_seq bigint[], p_key text[],
    p_now timestamptz, p_locked bigint[]
) RETURNS SETOF api.tap_facts
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    RETURN QUERY
    SELECT
        ROW(
            t.ref, t.card_id, t.station_id, t.route_id, t.tapped_at, t.device_id, t.device_seq,
            t.key, p_now
        )::api.tap,
        (
            SELECT r FROM transit.idempotency_records AS r
            WHERE r.card_id = t.card_id AND r.key = t.key
        ),
        a.account,
        (
            SELECT f
            FROM api.read_fare_terms(
                t.station_id, (a.account).profile, coalesce(t.tapped_at, p_now)
            ) AS f
        )
    FROM (
        SELECT
            u.ref, u.card_id, u.station_id, u.route_id, u.tapped_at, u.device_id, u.device_seq,
            coalesce('d/' || u.device_id || '/' || u.device_seq, 'k/' || u.key) AS key, u.place
        FROM unnest(
            p_ref, p_card_id, p_station_id, p_route_id, p_tapped_at, p_device_id, p_device_seq, p_key
        ) WITH ORDINALITY AS u (
            ref, card_id, station_id, route_id, tapped_at, device_id, device_seq, key, place
        )
    ) AS t
    CROSS JOIN LATERAL (
        SELECT (SELECT b FROM api.read_tapped_account(t.card_id, p_locked) AS b) AS account
        OFFSET 0
    ) AS a
    ORDER BY t.place;
END;
$$;
COMMENT ON FUNCTION api.read_tap_facts(
    integer[], bigint[], bigint[], bigint[], timestamptz[], bigint[], bigint[], text[], timestamptz,
    bigint[]
) IS 'What is known of taps before they are decided';
