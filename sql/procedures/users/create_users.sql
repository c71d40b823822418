-- Registers persons, decided in the order of the arrays: a document that is taken in whatever
-- spelling, by an earlier one of the same call too, is user_exists. Inserts in the order of the
-- documents, so that calls
-- that share some never deadlock.
CREATE FUNCTION api.create_users(
    p_ref integer[], p_document_id text[], p_full_name text[], p_email text[], p_phone text[]
) RETURNS TABLE (
    ref integer, outcome text, user_id bigint, full_name text, created_at timestamptz
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH asked AS (
        SELECT s.*, row_number() OVER (PARTITION BY s.document_id ORDER BY s.position) AS turn
        FROM (
            SELECT
                a.ref, api.canonical_document(a.given) AS document_id, a.full_name, a.email,
                a.phone, a.position
            FROM unnest(p_ref, p_document_id, p_full_name, p_email, p_phone)
            WITH ORDINALITY AS a (ref, given, full_name, email, phone, position)
        ) AS s
    ),
    made AS (
        INSERT INTO transit.users (user_id, document_id, full_name, email, phone, created_at)
        SELECT
            api.next_id('transit.user_ids', api.slot_of_document(f.document_id)),
            f.document_id, f.full_name, f.email, f.phone, api.clock_now()
        FROM (SELECT a.* FROM asked AS a WHERE a.turn = 1 ORDER BY a.document_id) AS f
        ON CONFLICT (document_id) DO NOTHING
        RETURNING user_id, document_id, full_name, created_at
    )
    SELECT
        a.ref, CASE WHEN m.user_id IS NULL THEN 'user_exists' ELSE 'created' END,
        m.user_id, m.full_name, m.created_at
    FROM asked AS a
    LEFT JOIN made AS m ON m.document_id = a.document_id AND a.turn = 1;
END;
$$;
COMMENT ON FUNCTION api.create_users(integer[], text[], text[], text[], text[]) IS
'Registers persons: one answer each';
