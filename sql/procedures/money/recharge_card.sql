-- One recharge of an account that the caller has locked.
CREATE FUNCTION api.recharge_card(
    p_card_id bigint, p_amount bigint, p_channel text, p_recharge_point_id bigint, p_key text,
    p_now timestamptz, p_locked bigint[], OUT outcome text, OUT detail text, OUT facts jsonb,
    OUT replayed boolean,
    OUT recharge transit.recharges
)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_before api.tapped_account;
    v_after  api.tapped_account;
    v_hash   uuid := api.hash_request(
        'recharge', p_amount::text, p_channel, p_recharge_point_id::text
    );
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
        SELECT r.* INTO recharge
        FROM transit.recharges AS r
        WHERE r.card_id = p_card_id AND r.recharge_id = v_record.reference_id;
        RETURN;
    END IF;

    SELECT r.* INTO outcome, detail, facts
    FROM api.refuse_recharge(p_card_id, p_amount, p_channel, v_before, p_now) AS r;
    IF outcome IS NULL THEN
        outcome := 'accepted';
        recharge.recharge_id := api.next_id('transit.recharge_ids', api.slot_of(v_before.account_id));
        v_after := api.post_entry(
            v_before, 'recharge', 'cash:' || p_channel, p_amount, recharge.recharge_id, p_now
        );
        v_after.credit_returns_on := api.rest_credit(v_before, v_after, p_now);
        PERFORM api.save_money(v_before, v_after, p_amount, p_now);
        recharge.card_id := p_card_id;
        recharge.amount := p_amount;
        recharge.debt_repaid := v_before.debt - v_after.debt;
        recharge.balance_after := v_after.balance;
        recharge.recharged_at := p_now;
        recharge.recharge_point_id := p_recharge_point_id;
        recharge.channel := p_channel;
        INSERT INTO transit.recharges SELECT recharge.*;
    END IF;
    PERFORM api.remember(
        p_card_id, CASE WHEN outcome <> 'validation_error' THEN p_key END, v_hash, outcome, detail,
        facts, recharge.recharge_id, NULL, NULL, p_now
    );
END;
$$;
COMMENT ON FUNCTION api.recharge_card(
    bigint, bigint, text, bigint, text, timestamptz, bigint[]
) IS
'Loads money on one card';
