-- Invariant I16 (rule 14).
--
-- "rollups behind the analytics = the sums they stand for, distinct users included": the totals of
-- each service day as analytics reads them, folded and not yet folded.
CREATE FUNCTION api.audit_daily_totals(p_on date)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH rolled AS (
    SELECT d.on_day, v.total, sum(v.amount) AS amount
    FROM api.day_activity AS d
    CROSS JOIN LATERAL (
        VALUES
        ('trips', d.trips), ('paid_trips', d.paid_trips), ('transfers', d.transfers),
        ('revenue', d.revenue), ('recharged', d.recharged), ('active_users', d.active_users),
        ('active_cards', d.active_cards)
    ) AS v (total, amount)
    WHERE p_on IS NULL OR d.on_day = p_on
    GROUP BY d.on_day, v.total
)
SELECT
    'day ' || coalesce(s.on_day, r.on_day),
    format(
        '%s rolled up as %s, and what it stands for adds up to %s',
        coalesce(s.total, r.total), coalesce(r.amount, 0), coalesce(s.amount, 0)
    )
FROM api.audit_sum_days(p_on) AS s
FULL JOIN rolled AS r ON r.on_day = s.on_day AND r.total = s.total
WHERE coalesce(s.amount, 0) <> coalesce(r.amount, 0)
$$;
COMMENT ON FUNCTION api.audit_daily_totals(date) IS
'Service days whose rolled up totals are not what they stand for';
