-- Why a card cannot buy a pass at a price (null where none is on sale yet); nothing in all three
-- where it can. In the order of every refusal: what the card is, its status, the rest.
CREATE FUNCTION api.refuse_pass(
    p_card_id bigint, p_account api.tapped_account, p_price bigint, p_now timestamptz,
    OUT outcome text, OUT detail text, OUT facts jsonb
)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_status text := (SELECT c.status FROM transit.cards AS c WHERE c.card_id = p_card_id);
BEGIN
    IF p_account.user_id IS NULL THEN
        outcome := 'card_not_personalised';
        detail := 'A monthly pass belongs to a user; this card is anonymous.';
    ELSIF v_status <> 'active' THEN
        outcome := 'card_not_active';
        detail := format('The card is %s; only an active card can buy a pass.', v_status);
        facts := jsonb_build_object('card_status', v_status);
    ELSIF p_price IS NULL THEN
        outcome := 'no_tariff';
        detail := format('No monthly pass is on sale yet at %s.', api.format_time(p_now));
        facts := jsonb_build_object('stamped_at', api.format_time(p_now));
    ELSIF EXISTS (SELECT FROM api.find_pass_in_force(p_account.account_id, p_now)) THEN
        outcome := 'pass_in_force';
        detail := 'The card has a pass in force; the next one can be bought when it is used up or over.';
    ELSIF p_account.balance < p_price THEN
        outcome := 'insufficient_balance';
        detail := format(
            'The pass costs %s and the balance is %s; recharge at least %s.',
            p_price, p_account.balance, p_price - p_account.balance + p_account.debt
        );
        facts := jsonb_build_object(
            'fare', p_price, 'balance', p_account.balance, 'debt', p_account.debt,
            'missing', p_price - p_account.balance + p_account.debt
        );
    END IF;
END;
$$;
COMMENT ON FUNCTION api.refuse_pass(bigint, api.tapped_account, bigint, timestamptz) IS
'Why a card cannot buy a pass';
