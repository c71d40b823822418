-- The facts of a tap after an earlier tap of the same call changed its account.
CREATE FUNCTION api.read_tap_facts_again(p_facts api.tap_facts, p_locked bigint[])
RETURNS api.tap_facts
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_tap api.tap := p_facts.tap;
BEGIN
    p_facts.account := (SELECT a FROM api.read_tapped_account(v_tap.card_id, p_locked) AS a);
    p_facts.record := (
        SELECT r FROM transit.idempotency_records AS r
        WHERE r.card_id = v_tap.card_id AND r.key = v_tap.key
    );
    RETURN p_facts;
END;
$$;
COMMENT ON FUNCTION api.read_tap_facts_again(api.tap_facts, bigint[]) IS
'What is known of a tap after another of its account';
