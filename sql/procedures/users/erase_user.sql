-- Erases what identifies a person (Ley 1581 de 2012): the row stays, empty; the cards expire; the
-- words given as reasons go too. Refused while a card has balance or debt. Locks the accounts by
-- id, then the user, then the deny list.
CREATE FUNCTION api.erase_user(p_user_id bigint) RETURNS TABLE (
    outcome text, detail text, facts jsonb
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now     timestamptz;
    v_open    record;
    v_locked  bigint[];
BEGIN
    v_locked := api.lock_accounts(ARRAY(
        SELECT a.card_id FROM transit.accounts AS a WHERE a.user_id = p_user_id
    ));
    PERFORM FROM transit.users AS u WHERE u.user_id = p_user_id AND u.erased_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'user_not_found', NULL::text, NULL::jsonb;
        RETURN;
    END IF;
    PERFORM api.require_locked(a.account_id, v_locked)
    FROM transit.accounts AS a WHERE a.user_id = p_user_id;
    SELECT sum(a.balance) AS balance, sum(a.debt) AS debt INTO v_open
    FROM transit.accounts AS a WHERE a.user_id = p_user_id;
    IF v_open.balance > 0 OR v_open.debt > 0 THEN
        RETURN QUERY SELECT 'user_has_balance', format(
            'The cards of the user hold a balance of %s and a debt of %s; both must be 0.',
            v_open.balance, v_open.debt
        ), jsonb_build_object('balance', v_open.balance, 'debt', v_open.debt);
        RETURN;
    END IF;

    v_now := api.clock_now();
    PERFORM api.change_card_status(c.card_id, 'expired', NULL, v_now)
    FROM transit.cards AS c
    WHERE c.account_id = ANY (v_locked) AND c.status IN ('active', 'blocked');
    UPDATE transit.card_inactive_periods AS i
    SET reason = NULL
    FROM transit.cards AS c
    WHERE c.account_id = ANY (v_locked) AND i.card_id = c.card_id;
    UPDATE transit.users AS u
    SET
        document_id = NULL, document_clashes_with = NULL, full_name = NULL, email = NULL,
        phone = NULL, erased_at = v_now
    WHERE u.user_id = p_user_id;
    RETURN QUERY SELECT 'accepted', NULL::text, NULL::jsonb;
END;
$$;
COMMENT ON FUNCTION api.erase_user(bigint) IS 'Erases the identity of a user and keeps the books';
