-- Maintenance: forgets up to p_limit vehicles that have been silent for more than a day. Answers
-- how many; run it until it answers 0.
CREATE FUNCTION api.prune_silent_vehicles(p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Read once: asked for row by row, the clock would keep the index from being used.
    v_before timestamptz := api.clock_now() - interval '1 day';
    v_count  integer;
BEGIN
    DELETE FROM transit.vehicles AS v
    WHERE v.ctid = ANY (ARRAY(
        SELECT o.ctid
        FROM transit.vehicles AS o
        WHERE o.seen_hour <= v_before AND o.recorded_at < v_before
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION api.prune_silent_vehicles(integer) IS 'Forgets vehicles silent for a day';
