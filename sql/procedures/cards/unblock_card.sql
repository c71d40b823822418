-- Unblocks a card from now on.
CREATE FUNCTION api.unblock_card(p_card_id bigint)
RETURNS TABLE (
    outcome text, detail text, facts jsonb,
    card_id bigint, card_number text, user_id bigint, personalised boolean, profile text,
    status text, balance bigint, debt bigint, issued_at timestamptz, replaced_by bigint
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT s.* FROM api.set_card_blocked(p_card_id, false, NULL) AS s $$;
COMMENT ON FUNCTION api.unblock_card(bigint) IS 'Unblocks a card';
