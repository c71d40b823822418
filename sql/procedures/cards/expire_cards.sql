-- Maintenance, the owner's: expires up to p_limit cards issued 5 years ago and unused for 2; what
-- they hold or owe goes to the unclaimed balances. Answers how many; run it until it answers 0.
--
-- Takes the accounts one by one and passes over those that somebody else holds, so it waits for
-- nobody. A card is looked at again under its lock: it may have been used while others expired.
CREATE FUNCTION api.expire_cards(p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_now        timestamptz := api.clock_now();
    v_card_id    bigint;
    v_account_id bigint;
    v_count      integer := 0;
BEGIN
    FOR v_card_id, v_account_id IN
        SELECT u.card_id, u.account_id
        FROM api.find_unused_cards(v_now, NULL) AS u
        ORDER BY u.account_id
        LIMIT p_limit
    LOOP
        PERFORM FROM transit.accounts AS a
        WHERE a.account_id = v_account_id
        FOR NO KEY UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        v_now := api.clock_now();
        CONTINUE WHEN NOT EXISTS (SELECT FROM api.find_unused_cards(v_now, v_card_id));
        PERFORM api.expire_card(v_card_id, v_now, ARRAY[v_account_id]);
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION api.expire_cards(integer) IS 'Expires cards long unused';
