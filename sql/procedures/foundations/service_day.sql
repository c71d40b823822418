-- The day in Bogotá on which a moment counts.
CREATE FUNCTION api.service_day(p_at timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (p_at AT TIME ZONE 'America/Bogota')::date $$;
COMMENT ON FUNCTION api.service_day(timestamptz) IS 'The service day, America/Bogota';
