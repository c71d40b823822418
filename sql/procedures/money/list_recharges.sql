-- The recharges of a card, newest first.
CREATE FUNCTION api.list_recharges(p_card_id bigint, p_after bigint, p_limit integer)
RETURNS TABLE (
    recharge_id bigint, card_id bigint, amount bigint, balance_after bigint, channel text,
    recharge_point_id bigint, recharged_at timestamptz
)
LANGUAGE sql STABLE
AS $$
SELECT
    r.recharge_id, r.card_id, r.amount, r.balance_after, r.channel, r.recharge_point_id,
    r.recharged_at
FROM transit.recharges AS r
WHERE r.card_id = p_card_id AND (p_after IS NULL OR r.recharge_id < p_after)
ORDER BY r.recharge_id DESC
LIMIT p_limit
$$;
COMMENT ON FUNCTION api.list_recharges(bigint, bigint, integer) IS 'A page of the recharges of a card';
