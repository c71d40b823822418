-- Replaces one card, under the lock of its account that the caller holds: a new card of the same
-- account takes the money over, and with the account its passes, journey and counts.
CREATE FUNCTION api.replace_card(
    p_card_id bigint, p_reason text, p_account api.tapped_account, p_now timestamptz
) RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_slot    integer := api.slot_of(p_account.account_id);
    v_new_id  bigint := api.next_id('transit.card_ids', v_slot);
    v_moved   bigint := p_account.balance - p_account.debt;
    v_account api.tapped_account;
BEGIN
    INSERT INTO transit.cards (card_id, account_id, card_number, issued_at)
    VALUES (v_new_id, p_account.account_id, api.new_card_number(v_slot), p_now);
    v_account := api.post_entry(p_account, 'replacement', 'replacement', -v_moved, v_new_id, p_now);
    v_account.newest_card_id := v_new_id;
    v_account := api.post_entry(v_account, 'replacement', 'replacement', v_moved, p_card_id, p_now);
    PERFORM api.save_money(p_account, v_account, 0, p_now);
    PERFORM api.change_card_status(p_card_id, 'replaced', p_reason, p_now, v_new_id);
    RETURN v_new_id;
END;
$$;
COMMENT ON FUNCTION api.replace_card(bigint, text, api.tapped_account, timestamptz) IS
'Issues a new card of an account in place of its newest one';
