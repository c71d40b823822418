-- The one clock of the service: real time, unless transit.clock holds a simulated one.
CREATE FUNCTION api.clock_now() RETURNS timestamptz
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    RETURN coalesce(
        (
            SELECT c.simulated_origin + (clock_timestamp() - c.real_origin) * c.speed
            FROM transit.clock AS c
        ),
        clock_timestamp()
    );
END;
$$;
COMMENT ON FUNCTION api.clock_now() IS 'The present time of the service, for every stamp and comparison';
