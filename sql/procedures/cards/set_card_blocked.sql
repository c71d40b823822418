-- Blocks or unblocks a card: at once, and with the same answer when it already is. A replaced or
-- expired card stays what it is. Locks the account, then the deny list.
CREATE FUNCTION api.set_card_blocked(p_card_id bigint, p_blocked boolean, p_reason text)
RETURNS TABLE (
    outcome text, detail text, facts jsonb,
    card_id bigint, card_number text, user_id bigint, personalised boolean, profile text,
    status text, balance bigint, debt bigint, issued_at timestamptz, replaced_by bigint
)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_locked  bigint[];
    v_account api.tapped_account;
    v_status  text;
    v_wanted  text := CASE WHEN p_blocked THEN 'blocked' ELSE 'active' END;
BEGIN
    v_locked := api.lock_accounts(ARRAY[p_card_id]);
    SELECT a.* INTO v_account FROM api.read_tapped_account(p_card_id, v_locked) AS a;
    v_status := (
        SELECT c.status
        FROM transit.cards AS c
        WHERE c.card_id = p_card_id AND c.account_id = v_account.account_id
    );
    outcome := 'accepted';
    IF v_status IS NULL THEN
        outcome := 'card_not_found';
    ELSIF v_status IN ('replaced', 'expired') THEN
        outcome := 'card_not_active';
        detail := format('The card is %s and stays so.', v_status);
        facts := jsonb_build_object('card_status', v_status);
    ELSIF v_status <> v_wanted THEN
        PERFORM api.change_card_status(p_card_id, v_wanted, p_reason, api.clock_now());
    END IF;
    RETURN QUERY
    SELECT a.outcome, a.detail, a.facts, c.*
    FROM (VALUES (outcome, detail, facts)) AS a (outcome, detail, facts)
    LEFT JOIN api.read_card(p_card_id) AS c ON true;
END;
$$;
COMMENT ON FUNCTION api.set_card_blocked(bigint, boolean, text) IS 'Blocks or unblocks a card';
