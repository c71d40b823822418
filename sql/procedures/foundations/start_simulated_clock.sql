-- Starts the simulated clock, or keeps the one that this database already runs on. Real data
-- and a simulated clock do not mix: on a database that has trips, the clock can only begin
-- after the latest service day on which anything happened. The owner's; from here on the service
-- may move the clock.
CREATE FUNCTION api.start_simulated_clock(p_start timestamptz)
RETURNS TABLE (now timestamptz, speed double precision)
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    IF p_start < (SELECT min(f.valid_from) FROM transit.tariffs AS f) THEN
        RAISE EXCEPTION 'there is no tariff before %; start the clock later',
            (SELECT api.format_time(min(f.valid_from)) FROM transit.tariffs AS f)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO transit.clock (simulated_origin, real_origin, speed, started_at)
    SELECT s.origin, clock_timestamp(), 1, s.origin
    FROM (
        SELECT greatest(
            p_start, (SELECT api.start_of_day(max(d.on_day) + 1) FROM api.day_activity AS d)
        ) AS origin
    ) AS s
    ON CONFLICT DO NOTHING;
    GRANT EXECUTE ON FUNCTION api.set_clock TO transit_service;
    RETURN QUERY SELECT r.now, r.speed FROM api.read_clock() AS r;
END;
$$;
COMMENT ON FUNCTION api.start_simulated_clock(timestamptz) IS 'Starts the simulated clock unless one runs';
