-- Invariant I41 (rule 10).
--
-- "The amount must lie within the channel's limits ... a balance above the ceiling is
-- balance_limit_exceeded ... A blocked, replaced or expired card cannot be recharged": by the rows
-- in force at the recharge. What lies within an hour of a change of the card's status is left
-- alone: the server's clock may have stepped back between the two.
CREATE FUNCTION api.audit_recharge_limits(p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH terms AS (
    SELECT
        h.code, h.min_amount, h.max_amount, h.valid_from,
        lead(h.valid_from, 1, 'infinity') OVER (PARTITION BY h.code ORDER BY h.valid_from)
            AS valid_until
    FROM transit.channels AS h
),
ceilings AS (
    SELECT
        l.max_balance, l.valid_from,
        lead(l.valid_from, 1, 'infinity') OVER (ORDER BY l.valid_from) AS valid_until
    FROM transit.card_limits AS l
)
SELECT
    'recharge ' || r.recharge_id,
    format(
        'card %s, %s then, was loaded %s by %s, which takes %s to %s, up to %s of %s',
        r.card_id, coalesce(i.status, 'active'), r.amount, r.channel,
        coalesce(f.min_amount::text, 'nothing'), coalesce(f.max_amount::text, 'nothing'),
        r.balance_after, coalesce(l.max_balance::text, 'none')
    )
FROM transit.recharges AS r
LEFT JOIN terms AS f
    ON f.code = r.channel AND r.recharged_at >= f.valid_from AND r.recharged_at < f.valid_until
LEFT JOIN ceilings AS l
    ON r.recharged_at >= l.valid_from AND r.recharged_at < l.valid_until
LEFT JOIN transit.card_inactive_periods AS i
    ON i.card_id = r.card_id
    AND r.recharged_at > i.inactive_from + interval '1 hour'
    AND r.recharged_at < i.inactive_until - interval '1 hour'
WHERE
    (p_card_id IS NULL OR r.card_id = ANY (p_card_id))
    AND (
        r.amount BETWEEN f.min_amount AND f.max_amount IS NOT TRUE
        OR r.balance_after <= l.max_balance IS NOT TRUE
        OR i.card_id IS NOT NULL
    )
$$;
COMMENT ON FUNCTION api.audit_recharge_limits(bigint[]) IS
'Recharges that the channel, the ceiling or the status of the card did not allow';
