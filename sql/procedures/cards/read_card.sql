-- One card; no row when there is none.
CREATE FUNCTION api.read_card(p_card_id bigint) RETURNS SETOF api.card
LANGUAGE sql STABLE
AS $$ SELECT c.* FROM api.card AS c WHERE c.card_id = p_card_id $$;
COMMENT ON FUNCTION api.read_card(bigint) IS 'One card';
