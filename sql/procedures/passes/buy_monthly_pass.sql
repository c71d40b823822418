-- One pass of an account that the caller has locked, on the terms in force now.
CREATE FUNCTION api.buy_monthly_pass(
    p_card_id bigint, p_key text, p_now timestamptz, p_locked bigint[],
    OUT outcome text, OUT detail text, OUT facts jsonb,
    OUT replayed boolean, OUT pass transit.monthly_passes
)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_before api.tapped_account;
    v_after  api.tapped_account;
    v_hash   uuid := api.hash_request('monthly_pass');
    v_record transit.idempotency_records := api.recall(p_card_id, p_key, v_hash);
BEGIN
    SELECT a.* INTO v_before FROM api.read_tapped_account(p_card_id, p_locked) AS a;
    replayed := coalesce(v_record.outcome <> 'idempotency_key_reused', false);
    IF v_before.account_id IS NULL THEN
        outcome := 'card_not_found';
        RETURN;
    ELSIF v_record.outcome IS NOT NULL THEN
        outcome := v_record.outcome;
        detail := v_record.detail;
        facts := v_record.facts;
        SELECT m.* INTO pass FROM transit.monthly_passes AS m WHERE m.pass_id = v_record.reference_id;
        RETURN;
    END IF;

    SELECT
        api.next_id('transit.pass_ids', api.slot_of(v_before.account_id)),
        v_before.account_id, p_card_id, p_now, p.price, p.trips, p.days, p.max_trips_per_day, 0
    INTO pass
    FROM transit.pass_products AS p
    WHERE p.valid_from <= p_now
    ORDER BY p.valid_from DESC
    LIMIT 1;
    SELECT r.* INTO outcome, detail, facts
    FROM api.refuse_pass(p_card_id, v_before, pass.price, p_now) AS r;
    IF outcome IS NULL THEN
        outcome := 'created';
        v_after := api.post_entry(
            v_before, 'monthly_pass', 'pass_revenue', -pass.price, pass.pass_id, p_now
        );
        PERFORM api.save_money(v_before, v_after, 0, p_now);
        pass.balance_after := v_after.balance;
        INSERT INTO transit.monthly_passes SELECT pass.*;
    ELSE
        pass := NULL;
    END IF;
    PERFORM api.remember(
        p_card_id, p_key, v_hash, outcome, detail, facts, pass.pass_id, NULL, NULL, p_now
    );
END;
$$;
COMMENT ON FUNCTION api.buy_monthly_pass(bigint, text, timestamptz, bigint[]) IS 'Sells one pass';
