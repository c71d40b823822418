-- The simulated clock; no row where the service runs on real time.
CREATE FUNCTION api.read_clock() RETURNS TABLE (now timestamptz, speed double precision)
LANGUAGE sql VOLATILE
AS $$ SELECT api.clock_now(), c.speed FROM transit.clock AS c $$;
COMMENT ON FUNCTION api.read_clock() IS 'Present time and speed of the simulated clock';
