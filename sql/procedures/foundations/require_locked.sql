-- The account itself where this call has locked it, a serialization failure where it has not.
--
-- lock_accounts sees the cards of its own snapshot; what is read of them afterwards has a newer
-- one. A card that is issued between the two would be decided without a lock, beside another
-- call that decides it too, and the money of one of them would be lost. The failure rolls the
-- call back whole; it is repeated, and locks the card then. Null for no account.
--
-- To be selected, never to be compared with: in a condition it may be asked of rows that another
-- condition leaves out.
CREATE FUNCTION api.require_locked(p_account_id bigint, p_locked bigint[]) RETURNS bigint
LANGUAGE sql STABLE
AS $$
SELECT CASE
    WHEN p_account_id IS NULL OR p_account_id = ANY (p_locked) THEN p_account_id
    ELSE api.fail_unlocked(p_account_id)
END
$$;
COMMENT ON FUNCTION api.require_locked(bigint, bigint[]) IS
'An account, which this call must have locked';
