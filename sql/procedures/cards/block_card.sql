-- Blocks a card from now on; a tap made before is still good.
CREATE FUNCTION api.block_card(p_card_id bigint, p_reason text)
RETURNS TABLE (
    outcome text, detail text, facts jsonb,
    card_id bigint, card_number text, user_id bigint, personalised boolean, profile text,
    status text, balance bigint, debt bigint, issued_at timestamptz, replaced_by bigint
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT s.* FROM api.set_card_blocked(p_card_id, true, p_reason) AS s $$;
COMMENT ON FUNCTION api.block_card(bigint, text) IS 'Blocks a card';
