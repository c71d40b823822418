-- Balance and debt after a movement. They are never both above 0, so their difference says both:
-- what comes in repays debt first, what goes out takes the balance first.
CREATE FUNCTION api.move_money(p_balance bigint, p_debt bigint, p_amount bigint)
RETURNS TABLE (balance bigint, debt bigint)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
AS $$
SELECT
    greatest(p_balance - p_debt + p_amount, 0),
    greatest(p_debt - p_balance - p_amount, 0)
$$;
COMMENT ON FUNCTION api.move_money(bigint, bigint, bigint) IS 'Balance and debt after a movement';
