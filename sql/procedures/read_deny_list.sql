-- What a validator must learn since a version: each card that changed, with its last action. A
-- null version is the beginning. One row with a null card when there is nothing.
CREATE FUNCTION api.read_deny_list(p_since bigint)
RETURNS TABLE (version bigint, card_number text, action text)
LANGUAGE sql STABLE
AS $$
SELECT v.version, d.card_number, d.action
FROM transit.deny_list_version AS v
LEFT JOIN transit.deny_list AS d ON d.version > coalesce(p_since, 0)
ORDER BY d.version
$$;
COMMENT ON FUNCTION api.read_deny_list(bigint) IS 'Changes of the deny list since a version';
