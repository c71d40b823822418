-- api.read_active_users from the trips themselves: what the rollups save, and a check of them.
CREATE FUNCTION api.compute_active_users(p_days integer)
RETURNS TABLE (active_users bigint, active_cards bigint, as_of timestamptz)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_now timestamptz := api.clock_now();
BEGIN
    RETURN QUERY
    SELECT count(DISTINCT a.user_id), count(DISTINCT t.card_id), v_now
    FROM transit.trips AS t
    INNER JOIN transit.accounts AS a ON a.account_id = t.account_id
    WHERE api.service_day(t.tapped_at) > api.service_day(v_now) - p_days;
END;
$$;
COMMENT ON FUNCTION api.compute_active_users(integer) IS
'Distinct users and cards of the last days, from the trips';
