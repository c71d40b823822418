-- Maintenance: forgets up to p_limit refused taps that arrived more than 90 days ago. Answers how
-- many; run it until it answers 0.
CREATE FUNCTION api.prune_refused_taps(p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Read once: asked for row by row, the clock would keep the index from being used.
    v_before timestamptz := api.clock_now() - interval '90 days';
    v_count  integer;
BEGIN
    DELETE FROM transit.refused_taps AS r
    WHERE r.ctid = ANY (ARRAY(
        SELECT o.ctid
        FROM transit.refused_taps AS o
        WHERE o.arrived_at < v_before
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION api.prune_refused_taps(integer) IS 'Forgets old refused taps';
