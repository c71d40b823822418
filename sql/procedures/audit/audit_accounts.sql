-- The invariants that hold account by account: of the one given with all its cards, or of all.
CREATE FUNCTION api.audit_accounts(p_account_id bigint, p_card_id bigint[])
RETURNS TABLE (invariant text, subject text, detail text)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY SELECT 'card_balances', o.*
    FROM api.audit_card_balances(p_account_id, p_card_id) AS o;
    RETURN QUERY SELECT 'running_balances', o.* FROM api.audit_running_balances(p_card_id) AS o;
    RETURN QUERY SELECT 'debt_causes', o.* FROM api.audit_debt_causes(p_card_id) AS o;
    RETURN QUERY SELECT 'credit_trips', o.* FROM api.audit_credit_trips(p_account_id) AS o;
    RETURN QUERY SELECT 'trip_entries', o.*
    FROM api.audit_trip_entries(p_account_id, p_card_id, NULL) AS o;
    RETURN QUERY SELECT 'recharge_entries', o.*
    FROM api.audit_recharge_entries(p_card_id, NULL) AS o;
    RETURN QUERY SELECT 'pass_entries', o.*
    FROM api.audit_pass_entries(p_account_id, p_card_id) AS o;
    RETURN QUERY SELECT 'replacement_entries', o.*
    FROM api.audit_replacement_entries(p_account_id, p_card_id) AS o;
    RETURN QUERY SELECT 'unclaimed_entries', o.* FROM api.audit_unclaimed_entries(p_card_id) AS o;
    RETURN QUERY SELECT 'remembered_effects', o.* FROM api.audit_remembered_effects(p_card_id) AS o;
    RETURN QUERY SELECT 'remembered_fares', o.* FROM api.audit_remembered_fares(p_card_id) AS o;
    RETURN QUERY SELECT 'refused_taps', o.* FROM api.audit_refused_taps(p_card_id) AS o;
    RETURN QUERY SELECT 'single_keys', o.* FROM api.audit_single_keys(p_card_id) AS o;
    RETURN QUERY SELECT 'device_taps', o.* FROM api.audit_device_taps(p_account_id) AS o;
    RETURN QUERY SELECT 'journeys', o.* FROM api.audit_journeys(p_account_id) AS o;
    RETURN QUERY SELECT 'rule_changes', o.* FROM api.audit_rule_changes(p_account_id) AS o;
    RETURN QUERY SELECT 'transfers', o.* FROM api.audit_transfers(p_account_id) AS o;
    RETURN QUERY SELECT 'full_fares', o.* FROM api.audit_full_fares(p_account_id, NULL) AS o;
    RETURN QUERY SELECT 'pass_trips', o.* FROM api.audit_pass_trips(p_account_id) AS o;
    RETURN QUERY SELECT 'free_trips', o.* FROM api.audit_free_trips(p_account_id) AS o;
    RETURN QUERY SELECT 'due_transfers', o.* FROM api.audit_due_transfers(p_account_id) AS o;
    RETURN QUERY SELECT 'due_free_trips', o.* FROM api.audit_due_free_trips(p_account_id) AS o;
    RETURN QUERY SELECT 'due_passes', o.* FROM api.audit_due_passes(p_account_id) AS o;
    RETURN QUERY SELECT 'personalised_trips', o.*
    FROM api.audit_personalised_trips(p_account_id) AS o;
    RETURN QUERY SELECT 'trip_cards', o.* FROM api.audit_trip_cards(p_account_id) AS o;
    RETURN QUERY SELECT 'account_cards', o.* FROM api.audit_account_cards(p_account_id) AS o;
    RETURN QUERY SELECT 'last_activity', o.* FROM api.audit_last_activity(p_account_id) AS o;
    RETURN QUERY SELECT 'card_status', o.* FROM api.audit_card_status(p_account_id) AS o;
    RETURN QUERY SELECT 'deny_list', o.* FROM api.audit_deny_list(p_account_id) AS o;
END;
$$;
COMMENT ON FUNCTION api.audit_accounts(bigint, bigint[]) IS
'Offences against what holds account by account';
