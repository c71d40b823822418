-- Posts one movement on the newest card of an account and answers the account after it.
CREATE FUNCTION api.post_entry(
    p_account api.tapped_account, p_kind transit.entry_kind, p_counterparty text,
    p_amount bigint, p_reference_id bigint, p_at timestamptz
) RETURNS api.tapped_account
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    SELECT m.balance, m.debt INTO p_account.balance, p_account.debt
    FROM api.move_money(p_account.balance, p_account.debt, p_amount) AS m;
    INSERT INTO transit.ledger_entries (
        entry_id, card_id, kind, counterparty, amount, balance_after, debt_after, reference_id,
        posted_at
    )
    VALUES (
        api.next_id('transit.entry_ids', api.slot_of(p_account.account_id)),
        p_account.newest_card_id, p_kind, p_counterparty, p_amount,
        p_account.balance, p_account.debt, p_reference_id, p_at
    );
    RETURN p_account;
END;
$$;
COMMENT ON FUNCTION api.post_entry(
    api.tapped_account, transit.entry_kind, text, bigint, bigint, timestamptz
) IS 'Posts a ledger entry and answers the account after it';
