-- The invariants that say of each account, or of all, that what is kept follows from what
-- happened: the state from its history, a decision from the rows in force at its moment.
CREATE FUNCTION api.audit_histories(p_account_id bigint, p_card_id bigint[])
RETURNS TABLE (invariant text, subject text, detail text)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY SELECT 'tap_times', o.* FROM api.audit_tap_times(p_account_id) AS o;
    RETURN QUERY SELECT 'recharge_limits', o.* FROM api.audit_recharge_limits(p_card_id) AS o;
    RETURN QUERY SELECT 'pass_terms', o.* FROM api.audit_pass_terms(p_account_id) AS o;
    RETURN QUERY SELECT 'single_passes', o.* FROM api.audit_single_passes(p_account_id) AS o;
    RETURN QUERY SELECT 'credit_returns', o.* FROM api.audit_credit_returns(p_account_id) AS o;
    RETURN QUERY SELECT 'credit_floors', o.* FROM api.audit_credit_floors(p_account_id) AS o;
    RETURN QUERY SELECT 'credit_grounds', o.* FROM api.audit_credit_grounds(p_account_id) AS o;
    RETURN QUERY SELECT 'corrections', o.* FROM api.audit_corrections(p_card_id) AS o;
    RETURN QUERY SELECT 'trip_balances', o.* FROM api.audit_trip_balances(p_card_id) AS o;
    RETURN QUERY SELECT 'entry_times', o.* FROM api.audit_entry_times(p_card_id) AS o;
    RETURN QUERY SELECT 'remembered_answers', o.*
    FROM api.audit_remembered_answers(p_card_id) AS o;
    RETURN QUERY SELECT 'remembered_requests', o.*
    FROM api.audit_remembered_requests(p_card_id) AS o;
    RETURN QUERY SELECT 'card_periods', o.* FROM api.audit_card_periods(p_account_id) AS o;
END;
$$;
COMMENT ON FUNCTION api.audit_histories(bigint, bigint[]) IS
'Offences against what follows from the history of an account';
