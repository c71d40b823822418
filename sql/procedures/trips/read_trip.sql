-- One trip with its present fare; no row when there is none.
CREATE FUNCTION api.read_trip(p_trip_id bigint) RETURNS SETOF api.trip
LANGUAGE sql STABLE
AS $$ SELECT t.* FROM api.trip AS t WHERE t.trip_id = p_trip_id $$;
COMMENT ON FUNCTION api.read_trip(bigint) IS 'One trip';
