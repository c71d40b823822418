-- The invariants over all accounts, and of the clock: of all time, or of one service day with the
-- trips and recharges that its sums stand for.
CREATE FUNCTION api.audit_sums(p_on date)
RETURNS TABLE (invariant text, subject text, detail text)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY SELECT 'activity', o.* FROM api.audit_activity(p_on) AS o;
    RETURN QUERY SELECT 'daily_totals', o.* FROM api.audit_daily_totals(p_on) AS o;
    IF p_on IS NULL THEN
        RETURN QUERY SELECT 'outstanding_totals', o.* FROM api.audit_outstanding_totals() AS o;
        RETURN QUERY SELECT 'ledger_accounts', o.* FROM api.audit_ledger_accounts() AS o;
        RETURN QUERY SELECT 'sum_of_accounts', o.* FROM api.audit_sum_of_accounts() AS o;
        RETURN QUERY SELECT 'deny_versions', o.* FROM api.audit_deny_versions() AS o;
        RETURN QUERY SELECT 'clock', o.* FROM api.audit_clock() AS o;
        RETURN QUERY SELECT 'future_stamps', o.* FROM api.audit_future_stamps() AS o;
    ELSE
        RETURN QUERY SELECT 'trip_entries', o.* FROM api.audit_trip_entries(NULL, NULL, p_on) AS o;
        RETURN QUERY SELECT 'recharge_entries', o.*
        FROM api.audit_recharge_entries(NULL, p_on) AS o;
        RETURN QUERY SELECT 'full_fares', o.* FROM api.audit_full_fares(NULL, p_on) AS o;
    END IF;
END;
$$;
COMMENT ON FUNCTION api.audit_sums(date) IS 'Offences against what holds for sums';
