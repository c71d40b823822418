-- The moment at which a service day begins: midnight in Bogotá.
CREATE FUNCTION api.start_of_day(p_on date) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT p_on::timestamp AT TIME ZONE 'America/Bogota' $$;
COMMENT ON FUNCTION api.start_of_day(date) IS 'Midnight in Bogotá of a service day';
