-- Sells monthly passes from the balances of cards, decided in the order of the arrays; p_key may
-- be null. Locks the accounts of all cards by id.
CREATE FUNCTION api.buy_monthly_passes(p_ref integer[], p_card_id bigint[], p_key text[])
RETURNS TABLE (
    ref integer, outcome text, detail text, facts jsonb, replayed boolean,
    pass_id bigint, card_id bigint, price bigint, trips_left integer, expires_at timestamptz,
    balance bigint
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
        v_answer := api.buy_monthly_pass(p_card_id[i], 'k/' || p_key[i], v_now, v_locked);
        ref := p_ref[i];
        outcome := v_answer.outcome;
        detail := v_answer.detail;
        facts := v_answer.facts;
        replayed := v_answer.replayed;
        pass_id := (v_answer.pass).pass_id;
        card_id := (v_answer.pass).card_id;
        price := (v_answer.pass).price;
        trips_left := (v_answer.pass).trips;
        balance := (v_answer.pass).balance_after;
        RETURN NEXT;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION api.buy_monthly_passes(integer[], bigint[], text[]) IS
'Sells monthly passes: one answer each';
