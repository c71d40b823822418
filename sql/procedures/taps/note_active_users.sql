-- Moves the users of some trips to a later last active day: a user counts once, on the last one.
-- Takes them in the order of their identifiers, after all accounts.
CREATE FUNCTION api.note_active_users(p_trips transit.trips[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    PERFORM
    FROM transit.users AS u
    WHERE u.user_id = ANY (ARRAY(
        SELECT a.user_id
        FROM unnest(p_trips) AS t
        INNER JOIN transit.accounts AS a ON a.account_id = t.account_id
    ))
    ORDER BY u.user_id
    FOR NO KEY UPDATE;

    WITH seen AS (
        SELECT u.user_id, u.last_active_on AS from_day, max(api.service_day(t.tapped_at)) AS to_day
        FROM unnest(p_trips) AS t
        INNER JOIN transit.accounts AS a ON a.account_id = t.account_id
        INNER JOIN transit.users AS u ON u.user_id = a.user_id
        GROUP BY u.user_id
    ),
    moved AS (
        UPDATE transit.users AS u
        SET last_active_on = s.to_day
        FROM seen AS s
        WHERE u.user_id = s.user_id AND s.to_day > s.from_day
        RETURNING s.from_day, s.to_day
    )
    INSERT INTO transit.activity_deltas (on_day, active_users)
    SELECT change.on_day, sum(change.by)
    FROM moved AS m
    CROSS JOIN LATERAL (VALUES (m.from_day, -1), (m.to_day, 1)) AS change (on_day, by)
    WHERE isfinite(change.on_day)
    GROUP BY change.on_day;
END;
$$;
COMMENT ON FUNCTION api.note_active_users(transit.trips[]) IS
'Moves the last active day of the users of some trips';
