-- The cards of a user, replaced and expired ones included, newest identifier first.
CREATE FUNCTION api.list_user_cards(p_user_id bigint, p_after bigint, p_limit integer)
RETURNS SETOF api.card
LANGUAGE sql STABLE
AS $$
SELECT c.*
FROM api.card AS c
WHERE c.user_id = p_user_id AND (p_after IS NULL OR c.card_id < p_after)
ORDER BY c.card_id DESC
LIMIT p_limit
$$;
COMMENT ON FUNCTION api.list_user_cards(bigint, bigint, integer) IS 'A page of the cards of a user';
