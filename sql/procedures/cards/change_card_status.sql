-- Gives a card, whose account the caller holds, a status from now on, and tells the validators.
CREATE FUNCTION api.change_card_status(
    p_card_id bigint, p_status text, p_reason text, p_now timestamptz,
    p_replaced_by bigint DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    UPDATE transit.card_inactive_periods AS i
    -- A clock that was set back must not let a period end before it began.
    SET inactive_until = greatest(p_now, i.inactive_from)
    WHERE i.card_id = p_card_id AND i.inactive_until = 'infinity';
    IF p_status <> 'active' THEN
        INSERT INTO transit.card_inactive_periods (
            card_id, status, reason, inactive_from, begun_at_entry
        )
        VALUES (
            p_card_id, p_status, p_reason, p_now,
            api.next_id('transit.entry_ids', api.slot_of(p_card_id))
        );
    END IF;
    UPDATE transit.cards AS c
    SET status = p_status, replaced_by = p_replaced_by
    WHERE c.card_id = p_card_id;
    PERFORM api.deny_card(p_card_id);
END;
$$;
COMMENT ON FUNCTION api.change_card_status(bigint, text, text, timestamptz, bigint) IS
'Changes the status of a card from now on';
