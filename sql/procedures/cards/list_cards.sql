-- Cards, newest identifier first; of one number when given.
CREATE FUNCTION api.list_cards(p_card_number text, p_after bigint, p_limit integer)
RETURNS SETOF api.card
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT c.*
    FROM api.card AS c
    WHERE
        (p_card_number IS NULL OR c.card_number = p_card_number)
        AND (p_after IS NULL OR c.card_id < p_after)
    ORDER BY c.card_id DESC
    LIMIT p_limit;
END;
$$;
COMMENT ON FUNCTION api.list_cards(text, bigint, integer) IS 'A page of cards';
