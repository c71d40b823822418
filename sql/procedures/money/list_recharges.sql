-- The recharges of a card, newest first; only of the service days p_from to p_to, where they are
-- given. Read along the primary key: recharges of one card alone.
CREATE FUNCTION api.list_recharges(
    p_card_id bigint, p_after bigint, p_limit integer, p_from date DEFAULT NULL,
    p_to date DEFAULT NULL
)
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
WHERE
    r.card_id = p_card_id
    AND (p_after IS NULL OR r.recharge_id < p_after)
    AND (p_from IS NULL OR r.recharged_at >= api.start_of_day(p_from))
    AND (p_to IS NULL OR r.recharged_at < api.start_of_day(p_to + 1))
ORDER BY r.recharge_id DESC
LIMIT p_limit
$$;
COMMENT ON FUNCTION api.list_recharges(bigint, bigint, integer, date, date) IS
'A page of the recharges of a card';
