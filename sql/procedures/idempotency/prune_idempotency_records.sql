-- Maintenance: forgets up to p_limit keys older than 8 days, which is longer than a late tap is
-- accepted. Answers how many; run it until it answers 0.
CREATE FUNCTION api.prune_idempotency_records(p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Read once: asked for row by row, the clock would keep the index from being used.
    v_before timestamptz := api.clock_now() - interval '8 days';
    v_count  integer;
BEGIN
    DELETE FROM transit.idempotency_records AS r
    WHERE r.ctid = ANY (ARRAY(
        SELECT o.ctid
        FROM transit.idempotency_records AS o
        WHERE o.recorded_at < v_before
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION api.prune_idempotency_records(integer) IS 'Forgets old keys';
