-- How many persons, and how many cards, took a trip in the last service days, today included?
CREATE FUNCTION api.read_active_users(p_days integer)
RETURNS TABLE (active_users bigint, active_cards bigint, as_of timestamptz)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_now timestamptz := api.clock_now();
BEGIN
    RETURN QUERY
    SELECT
        coalesce(sum(d.active_users), 0)::bigint, coalesce(sum(d.active_cards), 0)::bigint, v_now
    FROM api.day_activity AS d
    WHERE d.on_day > api.service_day(v_now) - p_days;
END;
$$;
COMMENT ON FUNCTION api.read_active_users(integer) IS 'Distinct users and cards of the last days';
