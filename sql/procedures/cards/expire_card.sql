-- Expires one card of an account that the caller has locked.
CREATE FUNCTION api.expire_card(p_card_id bigint, p_now timestamptz, p_locked bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_before api.tapped_account;
    v_held   bigint;
BEGIN
    SELECT a.* INTO v_before FROM api.read_tapped_account(p_card_id, p_locked) AS a;
    v_held := v_before.balance - v_before.debt;
    IF v_held <> 0 THEN
        PERFORM api.save_money(
            v_before,
            api.post_entry(v_before, 'unclaimed', 'unclaimed', -v_held, p_card_id, p_now),
            0, p_now
        );
    END IF;
    PERFORM api.change_card_status(p_card_id, 'expired', NULL, p_now);
END;
$$;
COMMENT ON FUNCTION api.expire_card(bigint, timestamptz, bigint[]) IS 'Expires one card';
