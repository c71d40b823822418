-- Moves the cards of some trips to a later last active day: a card counts once, on its last one.
-- The caller holds their accounts.
CREATE FUNCTION api.note_active_cards(p_trips transit.trips[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    WITH seen AS (
        SELECT c.card_id, c.last_active_on AS from_day, max(api.service_day(t.tapped_at)) AS to_day
        FROM unnest(p_trips) AS t
        INNER JOIN transit.cards AS c ON c.card_id = t.card_id
        GROUP BY c.card_id
    ),
    moved AS (
        UPDATE transit.cards AS c
        SET last_active_on = s.to_day
        FROM seen AS s
        WHERE c.card_id = s.card_id AND s.to_day > s.from_day
        RETURNING s.from_day, s.to_day
    )
    INSERT INTO transit.activity_deltas (on_day, active_cards)
    SELECT change.on_day, sum(change.by)
    FROM moved AS m
    CROSS JOIN LATERAL (VALUES (m.from_day, -1), (m.to_day, 1)) AS change (on_day, by)
    WHERE isfinite(change.on_day)
    GROUP BY change.on_day;
END;
$$;
COMMENT ON FUNCTION api.note_active_cards(transit.trips[]) IS
'Moves the last active day of the cards of some trips';
