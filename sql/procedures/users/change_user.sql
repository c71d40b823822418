-- Changes what p_changes names of a person: full_name, email, phone. A null empties an address or
-- a number. No row when there is no such user or the identity was erased. Locks the user.
CREATE FUNCTION api.change_user(p_user_id bigint, p_changes jsonb)
RETURNS TABLE (user_id bigint, full_name text, created_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    UPDATE transit.users AS u
    SET
        full_name = coalesce(p_changes ->> 'full_name', u.full_name),
        email = CASE WHEN p_changes ? 'email' THEN p_changes ->> 'email' ELSE u.email END,
        phone = CASE WHEN p_changes ? 'phone' THEN p_changes ->> 'phone' ELSE u.phone END
    WHERE u.user_id = p_user_id AND u.erased_at IS NULL
    RETURNING u.user_id, u.full_name, u.created_at;
END;
$$;
COMMENT ON FUNCTION api.change_user(bigint, jsonb) IS 'Changes the name or the addresses of a user';
