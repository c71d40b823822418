-- One user; no row when there is none or the identity was erased.
CREATE FUNCTION api.read_user(p_user_id bigint)
RETURNS TABLE (user_id bigint, full_name text, created_at timestamptz)
LANGUAGE sql STABLE
AS $$
SELECT u.user_id, u.full_name, u.created_at
FROM transit.users AS u
WHERE u.user_id = p_user_id AND u.erased_at IS NULL
$$;
COMMENT ON FUNCTION api.read_user(bigint) IS 'One user';
