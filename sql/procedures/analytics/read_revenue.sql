-- How much was charged and loaded on some service days, and what do all cards hold and owe now?
CREATE FUNCTION api.read_revenue(p_from date, p_to date)
RETURNS TABLE (
    revenue bigint, recharged bigint, outstanding_balance bigint, outstanding_debt bigint,
    as_of timestamptz
)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT
        coalesce(sum(d.revenue) FILTER (WHERE r.inside), 0)::bigint,
        coalesce(sum(d.recharged) FILTER (WHERE r.inside), 0)::bigint,
        coalesce(sum(d.balance), 0)::bigint, coalesce(sum(d.debt), 0)::bigint,
        api.clock_now()
    FROM api.day_activity AS d
    CROSS JOIN LATERAL (
        SELECT
            (p_from IS NULL OR d.on_day >= p_from) AND (p_to IS NULL OR d.on_day <= p_to) AS inside
    ) AS r;
END;
$$;
COMMENT ON FUNCTION api.read_revenue(date, date) IS 'Revenue and recharges over service days';
