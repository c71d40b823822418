-- Invariant I30 (rule 12).
--
-- "Monthly pass: 160,000 for 65 trips ...", on the terms in force at the purchase, for a
-- personalised card that was active. What lies within an hour of a change of the card's status is
-- left alone: the server's clock may have stepped back between the two.
CREATE FUNCTION api.audit_pass_terms(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH terms AS (
    SELECT
        o.price, o.trips, o.days, o.max_trips_per_day, o.valid_from,
        lead(o.valid_from, 1, 'infinity') OVER (ORDER BY o.valid_from) AS valid_until
    FROM transit.pass_products AS o
)
SELECT
    'pass ' || p.pass_id,
    format(
        'sold to account %s of user %s with card %s of account %s, %s then, for %s: %s trips,'
        ' %s days, %s a day; the product of %s was %s: %s trips, %s days, %s a day',
        p.account_id, coalesce(a.user_id::text, 'none'), p.card_id,
        coalesce(c.account_id::text, 'none'), coalesce(i.status, 'active'), p.price, p.trips,
        p.days, p.max_trips_per_day, p.purchased_at, f.price, f.trips, f.days,
        f.max_trips_per_day
    )
FROM transit.monthly_passes AS p
LEFT JOIN terms AS f
    ON p.purchased_at >= f.valid_from AND p.purchased_at < f.valid_until
LEFT JOIN transit.accounts AS a ON a.account_id = p.account_id
LEFT JOIN transit.cards AS c ON c.card_id = p.card_id
LEFT JOIN transit.card_inactive_periods AS i
    ON i.card_id = p.card_id
    AND p.purchased_at > i.inactive_from + interval '1 hour'
    AND p.purchased_at < i.inactive_until - interval '1 hour'
WHERE
    (p_account_id IS NULL OR p.account_id = p_account_id)
    AND (
        (p.price, p.trips, p.days, p.max_trips_per_day)
        IS DISTINCT FROM (f.price, f.trips, f.days, f.max_trips_per_day)
        OR a.user_id IS NULL
        OR c.account_id IS DISTINCT FROM p.account_id
        OR i.card_id IS NOT NULL
    )
$$;
COMMENT ON FUNCTION api.audit_pass_terms(bigint) IS
'Passes unlike the product of their day, or of a card that could not have one';
