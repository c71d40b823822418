-- Maintenance: expires up to p_limit cards issued 5 years ago and unused (no trip, no recharge)
-- for 2; what they hold or owe goes to the unclaimed balances. Answers how many. Takes the accounts
-- that nobody else holds, by id; run it until it answers 0.
CREATE FUNCTION api.expire_cards(p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_now     timestamptz := api.clock_now();
    v_card_id bigint;
    v_count   integer := 0;
BEGIN
    FOR v_card_id IN
        SELECT c.card_id
        FROM transit.cards AS c
        INNER JOIN transit.accounts AS a ON a.account_id = c.account_id
        WHERE
            c.status IN ('active', 'blocked')
            AND c.issued_at <= v_now - interval '5 years'
            AND c.last_active_on <= api.service_day(v_now - interval '2 years')
            AND NOT EXISTS (
                SELECT FROM transit.recharges AS r
                WHERE r.card_id = c.card_id AND r.recharged_at > v_now - interval '2 years'
            )
        ORDER BY a.account_id
        LIMIT p_limit
        FOR NO KEY UPDATE OF a SKIP LOCKED
    LOOP
        PERFORM api.expire_card(v_card_id, v_now);
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION api.expire_cards(integer) IS 'Expires cards long unused';
