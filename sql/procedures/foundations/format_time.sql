-- A moment as the service writes it: RFC 3339, UTC, microseconds.
CREATE FUNCTION api.format_time(p_at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;
COMMENT ON FUNCTION api.format_time(timestamptz) IS 'RFC 3339 in UTC with microseconds';
