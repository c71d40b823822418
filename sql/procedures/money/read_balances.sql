-- Balances of cards: one row for each that exists.
CREATE FUNCTION api.read_balances(p_ref integer[], p_card_id bigint[])
RETURNS TABLE (
    ref integer, card_id bigint, balance bigint, debt bigint, status text, as_of timestamptz
)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_now timestamptz := api.clock_now();
BEGIN
    RETURN QUERY
    SELECT asked.ref, c.card_id, c.balance, c.debt, c.status, v_now
    FROM unnest(p_ref, p_card_id) AS asked (ref, card_id)
    INNER JOIN api.card AS c ON c.card_id = asked.card_id;
END;
$$;
COMMENT ON FUNCTION api.read_balances(integer[], bigint[]) IS 'Balances of cards';
