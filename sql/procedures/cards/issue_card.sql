-- Issues one card: of a user, whose row the caller holds, or an anonymous one in a random slot.
CREATE FUNCTION api.issue_card(p_user_id bigint, p_profile text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_slot    integer := coalesce(api.slot_of(p_user_id), floor(random() * 4096)::integer);
    v_card_id bigint := api.next_id('transit.card_ids', v_slot);
BEGIN
    INSERT INTO transit.accounts (account_id, card_id, user_id, profile)
    VALUES (v_card_id, v_card_id, p_user_id, p_profile);
    INSERT INTO transit.cards (card_id, account_id, card_number, issued_at)
    VALUES (v_card_id, v_card_id, api.new_card_number(v_slot), p_now);
    RETURN v_card_id;
END;
$$;
COMMENT ON FUNCTION api.issue_card(bigint, text, timestamptz) IS 'Issues a card with a new account';
