-- The pass in force on a card, and its balance. A replaced card has none: the pass went along.
CREATE FUNCTION api.read_monthly_pass(p_card_id bigint)
RETURNS TABLE (
    outcome text, pass_id bigint, card_id bigint, price bigint, trips_left integer,
    expires_at timestamptz, balance bigint
)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT
        CASE
            WHEN c.card_id IS NULL THEN 'card_not_found'
            WHEN p.pass_id IS NULL THEN 'pass_not_found'
            ELSE 'accepted'
        END,
        p.pass_id, p_card_id, p.price, p.trips_left, p.expires_at, v.balance
    FROM (VALUES (p_card_id)) AS asked (card_id)
    LEFT JOIN transit.cards AS c ON c.card_id = asked.card_id
    LEFT JOIN api.card AS v ON v.card_id = asked.card_id
    LEFT JOIN LATERAL api.find_pass_in_force(c.account_id, api.clock_now()) AS p
        ON c.replaced_by IS NULL;
END;
$$;
COMMENT ON FUNCTION api.read_monthly_pass(bigint) IS 'The monthly pass in force on a card';
