-- Writes balance and debt of an account after a movement, and adds the change to the rollups on
-- the day of the movement, with what was loaded.
CREATE FUNCTION api.save_money(
    p_before api.tapped_account, p_after api.tapped_account, p_recharged bigint, p_at timestamptz
) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    UPDATE transit.accounts AS a
    SET balance = p_after.balance,
        debt = p_after.debt,
        card_id = p_after.newest_card_id,
        credit_returns_on = p_after.credit_returns_on
    WHERE a.account_id = p_after.account_id;
    INSERT INTO transit.activity_deltas (on_day, recharged, balance, debt)
    VALUES (
        api.service_day(p_at), p_recharged,
        p_after.balance - p_before.balance, p_after.debt - p_before.debt
    );
END;
$$;
COMMENT ON FUNCTION api.save_money(
    api.tapped_account, api.tapped_account, bigint, timestamptz
) IS 'Writes balance and debt of an account after a movement';
