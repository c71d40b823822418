-- The one lock of money: the account rows of some cards, in the order of their identifiers, so
-- that calls which share cards wait for each other and never deadlock. Answers the accounts it
-- locked: what a call decides, it decides of these alone (see require_locked).
--
-- The order of locks everywhere: accounts by id, then users by id, then the deny list.
CREATE FUNCTION api.lock_accounts(p_card_id bigint[]) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    RETURN ARRAY(
        SELECT a.account_id
        FROM transit.accounts AS a
        WHERE a.account_id = ANY (ARRAY(
            SELECT c.account_id FROM transit.cards AS c WHERE c.card_id = ANY (p_card_id)
        ))
        ORDER BY a.account_id
        FOR NO KEY UPDATE
    );
END;
$$;
COMMENT ON FUNCTION api.lock_accounts(bigint[]) IS
'Locks the accounts of some cards, in order, and answers them';
