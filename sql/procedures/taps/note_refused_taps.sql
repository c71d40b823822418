-- Writes down the refused taps of a call with their outcomes, in one statement for all of them.
CREATE FUNCTION api.note_refused_taps(p_taps api.tap[], p_outcomes text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    INSERT INTO transit.refused_taps (
        card_id, station_id, route_id, tapped_at, arrived_at, device_id, device_seq, outcome
    )
    SELECT
        r.card_id, r.station_id, r.route_id, coalesce(r.tapped_at, r.arrived_at), r.arrived_at,
        r.device_id, r.device_seq, r.outcome
    FROM ROWS FROM (unnest(p_taps), unnest(p_outcomes)) AS r (
        ref, card_id, station_id, route_id, tapped_at, device_id, device_seq, key, arrived_at,
        outcome
    );
END;
$$;
COMMENT ON FUNCTION api.note_refused_taps(api.tap[], text[]) IS
'Keeps the place and time of refused taps';
