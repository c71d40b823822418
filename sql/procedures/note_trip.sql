-- Adds a new trip to the rollups: its station and hour, the change of balance and debt that it
-- and its corrections made, and the card among those active on its day.
CREATE FUNCTION api.note_trip(
    p_trip transit.trips, p_before api.tapped_account, p_after api.tapped_account
) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_day date := api.service_day(p_trip.tapped_at);
BEGIN
    INSERT INTO transit.activity_deltas (
        on_day, hour, station_id, trips, paid_trips, transfers, revenue, balance, debt
    )
    VALUES (
        v_day, extract(HOUR FROM p_trip.tapped_at AT TIME ZONE 'America/Bogota'),
        p_trip.start_station_id, 1,
        (p_trip.fare > 0)::integer, (p_trip.fare_rule = 'transfer')::integer, p_trip.fare,
        p_after.balance - p_before.balance, p_after.debt - p_before.debt
    );
    IF v_day > p_before.card_active_on THEN
        UPDATE transit.cards AS c SET last_active_on = v_day WHERE c.card_id = p_trip.card_id;
        INSERT INTO transit.activity_deltas (on_day, active_cards)
        SELECT moved.on_day, moved.by
        FROM (VALUES (p_before.card_active_on, -1), (v_day, 1)) AS moved (on_day, by)
        WHERE isfinite(moved.on_day);
    END IF;
END;
$$;
COMMENT ON FUNCTION api.note_trip(transit.trips, api.tapped_account, api.tapped_account) IS
'Adds a trip to the rollups';
