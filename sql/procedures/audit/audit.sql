-- Do the books agree? One row for each offence against an invariant of the books, none when all
-- hold: the whole books, or one account (by any of its cards), or one service day, or both.
-- subject names the card, trip, day or account, detail says both numbers.
--
-- Locks nothing and is exact while the service writes: STABLE, so that all the queries below see
-- the one snapshot of the statement that calls it.
CREATE FUNCTION api.audit(p_card_id bigint DEFAULT NULL, p_on date DEFAULT NULL)
RETURNS TABLE (invariant text, subject text, detail text)
LANGUAGE plpgsql STABLE
SET work_mem = '128MB' SET jit = off
AS $$
DECLARE
    v_account_id bigint;
    v_card_id    bigint[];
BEGIN
    IF p_card_id IS NULL AND p_on IS NULL THEN
        RETURN QUERY SELECT a.* FROM api.audit_accounts(NULL, NULL) AS a;
        RETURN QUERY SELECT a.* FROM api.audit_histories(NULL, NULL) AS a;
        RETURN QUERY SELECT a.* FROM api.audit_sums(NULL) AS a;
    END IF;
    IF p_card_id IS NOT NULL THEN
        v_account_id := (SELECT c.account_id FROM transit.cards AS c WHERE c.card_id = p_card_id);
        IF v_account_id IS NULL THEN
            RETURN QUERY SELECT 'account_cards', 'card ' || p_card_id, 'there is no such card';
        END IF;
        -- No account is 0, so that what the books have of an unknown card is found.
        v_account_id := coalesce(v_account_id, 0);
        v_card_id := ARRAY(
            SELECT c.card_id FROM transit.cards AS c WHERE c.account_id = v_account_id
            UNION SELECT p_card_id
        );
        RETURN QUERY SELECT a.* FROM api.audit_accounts(v_account_id, v_card_id) AS a;
        RETURN QUERY SELECT a.* FROM api.audit_histories(v_account_id, v_card_id) AS a;
    END IF;
    IF p_on IS NOT NULL THEN
        RETURN QUERY SELECT a.* FROM api.audit_sums(p_on) AS a;
    END IF;
END;
$$;
COMMENT ON FUNCTION api.audit(bigint, date) IS
'One row for each offence in the books; of one account or service day, if given';
