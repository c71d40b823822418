-- What the totals of each service day (or of one) stand for: the trips and recharges of the day,
-- and the users and cards whose last active day it is (api.audit_last_activity checks that day).
CREATE FUNCTION api.audit_sum_days(p_on date)
RETURNS TABLE (on_day date, total text, amount bigint)
LANGUAGE sql STABLE
AS $$
WITH ridden AS (
    SELECT
        api.service_day(t.tapped_at) AS on_day, count(*) AS trips,
        count(*) FILTER (WHERE t.fare > 0) AS paid_trips,
        count(*) FILTER (WHERE t.fare_rule = 'transfer') AS transfers,
        sum(t.fare)::bigint AS revenue
    FROM transit.trips AS t
    WHERE
        p_on IS NULL
        OR t.tapped_at >= api.start_of_day(p_on) AND t.tapped_at < api.start_of_day(p_on + 1)
    GROUP BY 1
)
SELECT r.on_day, v.total, v.amount
FROM ridden AS r
CROSS JOIN LATERAL (
    VALUES
    ('trips', r.trips), ('paid_trips', r.paid_trips), ('transfers', r.transfers),
    ('revenue', r.revenue)
) AS v (total, amount)
UNION ALL
SELECT api.service_day(r.recharged_at), 'recharged', sum(r.amount)::bigint
FROM transit.recharges AS r
WHERE
    p_on IS NULL
    OR r.recharged_at >= api.start_of_day(p_on) AND r.recharged_at < api.start_of_day(p_on + 1)
GROUP BY 1
UNION ALL
SELECT u.last_active_on, 'active_users', count(*)
FROM transit.users AS u
WHERE isfinite(u.last_active_on) AND (p_on IS NULL OR u.last_active_on = p_on)
GROUP BY 1
UNION ALL
SELECT c.last_active_on, 'active_cards', count(*)
FROM transit.cards AS c
WHERE isfinite(c.last_active_on) AND (p_on IS NULL OR c.last_active_on = p_on)
GROUP BY 1
$$;
COMMENT ON FUNCTION api.audit_sum_days(date) IS 'What the totals of each day should be';
