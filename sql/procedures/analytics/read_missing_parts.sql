-- What the database lacks for a release: schema files that were not applied, functions that
-- are not there. No row means that the release can serve. Asks for names and not for
-- equality, because the last release must stay ready while the next one migrates.
-- Locks nothing.
CREATE FUNCTION api.read_missing_parts(p_schema_files text[], p_functions text[])
RETURNS TABLE (part text)
LANGUAGE sql STABLE
AS $$
    SELECT wanted.part
    FROM unnest(p_schema_files) AS wanted (part)
    WHERE NOT EXISTS (
        SELECT FROM transit.schema_migrations AS applied
        WHERE applied.version = wanted.part
    )
    UNION ALL
    SELECT wanted.part
    FROM unnest(p_functions) AS wanted (part)
    WHERE NOT EXISTS (
        SELECT FROM pg_proc AS made
        WHERE made.proname = wanted.part
            AND made.pronamespace = 'api'::regnamespace
    )
$$;

COMMENT ON FUNCTION api.read_missing_parts(text[], text[]) IS
'What the database lacks for a release, by name; no row when it is ready';
