-- Loads money on cards, decided in the order of the arrays. Debt is repaid first; what is loaded
-- is usable by the very next tap. p_channel null means ticket_office; p_recharge_point_id and
-- p_key may be null. Locks the accounts of all cards by id.
CREATE FUNCTION api.recharge_cards(
    p_ref integer[], p_card_id bigint[], p_amount bigint[], p_channel text[],
    p_recharge_point_id bigint[], p_key text[]
) RETURNS TABLE (
    ref integer, outcome text, detail text, facts jsonb, replayed boolean,
    recharge_id bigint, card_id bigint, amount bigint, debt_repaid bigint, balance bigint,
    recharged_at timestamptz
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_locked bigint[];
    v_now    timestamptz;
    v_answer record;
BEGIN
    v_locked := api.lock_accounts(p_card_id);
    v_now := api.clock_now();
    FOR i IN 1 .. cardinality(p_ref) LOOP
        v_answer := api.recharge_card(
            p_card_id[i], p_amount[i], coalesce(p_channel[i], 'ticket_office'),
            p_recharge_point_id[i], 'k/' || p_key[i], v_now, v_locked
        );
        ref := p_ref[i];
        outcome := v_answer.outcome;
        detail := v_answer.detail;
        facts := v_answer.facts;
        replayed := v_answer.replayed;
        recharge_id := (v_answer.recharge).recharge_id;
        card_id := (v_answer.recharge).card_id;
        amount := (v_answer.recharge).amount;
        debt_repaid := (v_answer.recharge).debt_repaid;
        balance := (v_answer.recharge).balance_after;
        recharged_at := (v_answer.recharge).recharged_at;
        RETURN NEXT;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION api.recharge_cards(
    integer[], bigint[], bigint[], text[], bigint[], text[]
) IS 'Recharges cards: one answer per recharge';
