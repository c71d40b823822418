-- The pass of an account that is in force at a moment with trips left, by all trips on it; no
-- row when there is none.
CREATE FUNCTION api.find_pass_in_force(p_account_id bigint, p_now timestamptz)
RETURNS TABLE (pass_id bigint, price bigint, trips_left integer, expires_at timestamptz)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT m.pass_id, m.price::bigint, u.trips_left, u.expires_at
    FROM transit.monthly_passes AS m
    CROSS JOIN LATERAL api.count_pass_use(m) AS u
    WHERE
        m.account_id = p_account_id
        AND u.trips_left > 0
        AND (u.expires_at IS NULL OR p_now < u.expires_at)
    ORDER BY m.purchased_at, m.pass_id
    LIMIT 1;
END;
$$;
COMMENT ON FUNCTION api.find_pass_in_force(bigint, timestamptz) IS 'The pass in force of an account';
