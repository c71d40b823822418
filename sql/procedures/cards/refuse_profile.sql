-- Why a card cannot have a profile, or null where it can: an anonymous card is basic, the other
-- profiles belong to a user.
CREATE FUNCTION api.refuse_profile(p_profile text, p_has_user boolean, p_now timestamptz)
RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_needs_user boolean := (
        SELECT r.needs_user
        FROM transit.profiles AS r
        WHERE r.code = p_profile AND r.valid_from <= p_now
        ORDER BY r.valid_from DESC
        LIMIT 1
    );
BEGIN
    RETURN CASE
        WHEN v_needs_user IS NULL THEN format('There is no profile %L.', p_profile)
        WHEN v_needs_user AND NOT p_has_user
            THEN format('The profile %s belongs to a user: give user_id, or take basic.', p_profile)
        WHEN NOT v_needs_user AND p_has_user
            THEN format('The profile %s is that of an anonymous card: a user has another one.', p_profile)
    END;
END;
$$;
COMMENT ON FUNCTION api.refuse_profile(text, boolean, timestamptz) IS
'Why a card cannot have a profile; null where it can';
