-- Moves the simulated clock forward, or changes its speed; either argument may be null.
-- It takes the row of the clock first, so that two calls cannot move it back between them.
CREATE FUNCTION api.set_clock(p_now timestamptz, p_speed double precision)
RETURNS TABLE (outcome text, detail text, now timestamptz, speed double precision)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz;
BEGIN
    PERFORM FROM transit.clock AS c FOR UPDATE;
    v_now := api.clock_now();
    IF p_now < v_now THEN
        RETURN QUERY SELECT
            'validation_error',
            format('The clock only moves forward: it is %s.', api.format_time(v_now)), c.now, c.speed
        FROM api.read_clock() AS c;
        RETURN;
    END IF;
    UPDATE transit.clock AS c
    SET simulated_origin = coalesce(p_now, v_now),
        real_origin = clock_timestamp(),
        speed = coalesce(p_speed, c.speed);
    RETURN QUERY SELECT 'accepted', NULL::text, c.now, c.speed FROM api.read_clock() AS c;
END;
$$;
COMMENT ON FUNCTION api.set_clock(timestamptz, double precision) IS 'Moves the simulated clock forward';
