-- The cards (or the one given) that were issued 5 years before a moment and not used in the 2
-- years before it: no trip, no recharge, no pass.
CREATE FUNCTION api.find_unused_cards(p_now timestamptz, p_card_id bigint)
RETURNS TABLE (card_id bigint, account_id bigint)
LANGUAGE sql STABLE
AS $$
SELECT c.card_id, c.account_id
FROM transit.cards AS c
WHERE
    (p_card_id IS NULL OR c.card_id = p_card_id)
    AND c.status IN ('active', 'blocked')
    AND c.issued_at <= p_now - interval '5 years'
    AND c.last_active_on <= api.service_day(p_now - interval '2 years')
    AND NOT EXISTS (
        SELECT FROM transit.recharges AS r
        WHERE r.card_id = c.card_id AND r.recharged_at > p_now - interval '2 years'
    )
    AND NOT EXISTS (
        SELECT FROM transit.monthly_passes AS m
        WHERE m.account_id = c.account_id AND m.purchased_at > p_now - interval '2 years'
    )
$$;
COMMENT ON FUNCTION api.find_unused_cards(timestamptz, bigint) IS 'Cards long unused';
