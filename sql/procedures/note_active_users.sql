-- Moves the users behind some cards to the last active day of these cards, in the order of their
-- identifiers (accounts are locked before, never after). A user counts once, on the last day.
CREATE FUNCTION api.note_active_users(p_card_id bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_user_id bigint;
    v_on_day  date;
    v_before  date;
BEGIN
    FOR v_user_id, v_on_day IN
        SELECT u.user_id, c.last_active_on
        FROM transit.cards AS c
        INNER JOIN transit.accounts AS a ON a.account_id = c.account_id
        INNER JOIN transit.users AS u ON u.user_id = a.user_id
        WHERE c.card_id = ANY (p_card_id) AND u.last_active_on < c.last_active_on
        ORDER BY u.user_id
        FOR NO KEY UPDATE OF u
    LOOP
        SELECT u.last_active_on INTO v_before FROM transit.users AS u WHERE u.user_id = v_user_id;
        CONTINUE WHEN v_before >= v_on_day;
        UPDATE transit.users AS u SET last_active_on = v_on_day WHERE u.user_id = v_user_id;
        INSERT INTO transit.activity_deltas (on_day, active_users)
        SELECT moved.on_day, moved.by
        FROM (VALUES (v_before, -1), (v_on_day, 1)) AS moved (on_day, by)
        WHERE isfinite(moved.on_day);
    END LOOP;
END;
$$;
COMMENT ON FUNCTION api.note_active_users(bigint[]) IS
'Moves the last active day of the users behind some cards';
