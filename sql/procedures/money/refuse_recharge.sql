-- Why a recharge is refused, in the order of every refusal: a channel that does not exist, the
-- status of the card, then the limits of the channel and the ceiling of the balance after the debt
-- is repaid. Nothing in all three where it is accepted.
CREATE FUNCTION api.refuse_recharge(
    p_card_id bigint, p_amount bigint, p_channel text, p_account api.tapped_account,
    p_now timestamptz, OUT outcome text, OUT detail text, OUT facts jsonb
)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_status      text := (SELECT c.status FROM transit.cards AS c WHERE c.card_id = p_card_id);
    v_channel     transit.channels;
    v_max_balance bigint := (
        SELECT l.max_balance FROM transit.card_limits AS l
        WHERE l.valid_from <= p_now ORDER BY l.valid_from DESC LIMIT 1
    );
    v_room        bigint := greatest(v_max_balance - p_account.balance + p_account.debt, 0);
BEGIN
    SELECT h.* INTO v_channel
    FROM transit.channels AS h
    WHERE h.code = p_channel AND h.valid_from <= p_now
    ORDER BY h.valid_from DESC
    LIMIT 1;
    IF NOT FOUND THEN
        outcome := 'validation_error';
        detail := format('There is no channel %L.', p_channel);
    ELSIF v_status <> 'active' THEN
        outcome := 'card_not_active';
        detail := format('The card is %s; only an active card can be recharged.', v_status);
        facts := jsonb_build_object('card_status', v_status);
    ELSIF p_amount NOT BETWEEN v_channel.min_amount AND v_channel.max_amount THEN
        outcome := 'amount_out_of_range';
        detail := format(
            'The channel %s takes %s to %s pesos, not %s.',
            p_channel, v_channel.min_amount, v_channel.max_amount, p_amount
        );
        facts := jsonb_build_object(
            'minimum', v_channel.min_amount, 'maximum', v_channel.max_amount, 'amount', p_amount
        );
    ELSIF p_account.balance - p_account.debt + p_amount > v_max_balance THEN
        outcome := 'balance_limit_exceeded';
        detail := format(
            'The balance would be %s, above the ceiling of %s; at most %s can be loaded now.',
            p_account.balance - p_account.debt + p_amount, v_max_balance, v_room
        );
        facts := jsonb_build_object(
            'maximum', v_max_balance, 'balance', p_account.balance, 'debt', p_account.debt,
            'balance_after', p_account.balance - p_account.debt + p_amount, 'loadable', v_room
        );
    END IF;
END;
$$;
COMMENT ON FUNCTION api.refuse_recharge(
    bigint, bigint, text, api.tapped_account, timestamptz
) IS 'Why a recharge is refused';
