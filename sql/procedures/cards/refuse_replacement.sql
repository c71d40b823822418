-- Why a card cannot be replaced; nothing in all three where it can.
CREATE FUNCTION api.refuse_replacement(
    p_card_id bigint, p_account api.tapped_account, OUT outcome text, OUT detail text,
    OUT facts jsonb
)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_status text := (SELECT c.status FROM transit.cards AS c WHERE c.card_id = p_card_id);
BEGIN
    IF p_account.user_id IS NULL THEN
        outcome := 'card_not_personalised';
        detail := 'An anonymous card cannot be replaced: its balance belongs to whoever holds it.';
    ELSIF v_status IN ('replaced', 'expired') THEN
        outcome := 'card_not_active';
        detail := format('The card is %s; only an active or blocked card can be replaced.', v_status);
        facts := jsonb_build_object('card_status', v_status);
    END IF;
END;
$$;
COMMENT ON FUNCTION api.refuse_replacement(bigint, api.tapped_account) IS 'Why a card cannot be replaced';
