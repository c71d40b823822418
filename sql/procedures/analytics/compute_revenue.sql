-- api.read_revenue from trips, recharges and accounts: what the rollups save, and a check of them.
CREATE FUNCTION api.compute_revenue(p_from date, p_to date)
RETURNS TABLE (
    revenue bigint, recharged bigint, outstanding_balance bigint, outstanding_debt bigint,
    as_of timestamptz
)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT
        (
            SELECT coalesce(sum(t.fare), 0)::bigint
            FROM transit.trips AS t
            WHERE
                (p_from IS NULL OR api.service_day(t.tapped_at) >= p_from)
                AND (p_to IS NULL OR api.service_day(t.tapped_at) <= p_to)
        ),
        (
            SELECT coalesce(sum(r.amount), 0)::bigint
            FROM transit.recharges AS r
            WHERE
                (p_from IS NULL OR api.service_day(r.recharged_at) >= p_from)
                AND (p_to IS NULL OR api.service_day(r.recharged_at) <= p_to)
        ),
        coalesce(sum(a.balance), 0)::bigint, coalesce(sum(a.debt), 0)::bigint, api.clock_now()
    FROM transit.accounts AS a;
END;
$$;
COMMENT ON FUNCTION api.compute_revenue(date, date) IS
'Revenue and recharges over service days, from trips and recharges';
