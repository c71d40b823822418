-- Replaces personalised cards, active or blocked ones, decided in the order of the arrays; p_key
-- may be null. Answers the new card as it was issued. Locks the accounts of all cards by id,
-- then the deny list.
CREATE FUNCTION api.replace_cards(
    p_ref integer[], p_card_id bigint[], p_reason text[], p_key text[]
) RETURNS TABLE (
    ref integer, outcome text, detail text, facts jsonb, replayed boolean,
    card_id bigint, card_number text, user_id bigint, personalised boolean, profile text,
    status text, balance bigint, debt bigint, issued_at timestamptz, replaced_by bigint
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_locked  bigint[];
    v_now     timestamptz;
    v_account api.tapped_account;
    v_hash    uuid;
    v_record  transit.idempotency_records;
    v_card    api.card;
BEGIN
    v_locked := api.lock_accounts(p_card_id);
    v_now := api.clock_now();
    FOR i IN 1 .. cardinality(p_ref) LOOP
        SELECT a.* INTO v_account FROM api.read_tapped_account(p_card_id[i], v_locked) AS a;
        v_hash := api.hash_request('replace', p_reason[i]);
        v_record := api.recall(p_card_id[i], 'k/' || p_key[i], v_hash);
        IF v_record.outcome IS NULL AND v_account.account_id IS NOT NULL THEN
            SELECT r.* INTO v_record.outcome, v_record.detail, v_record.facts
            FROM api.refuse_replacement(p_card_id[i], v_account) AS r;
            IF v_record.outcome IS NULL THEN
                v_record.outcome := 'created';
                v_record.balance := v_account.balance;
                v_record.debt := v_account.debt;
                v_record.reference_id := api.replace_card(p_card_id[i], p_reason[i], v_account, v_now);
            END IF;
            PERFORM api.remember(
                p_card_id[i], 'k/' || p_key[i], v_hash, v_record.outcome, v_record.detail,
                v_record.facts, v_record.reference_id, v_record.balance, v_record.debt, v_now
            );
        END IF;
        SELECT c.* INTO v_card FROM api.read_card(v_record.reference_id) AS c;
        IF FOUND THEN
            v_card.status := 'active';
            v_card.balance := v_record.balance;
            v_card.debt := v_record.debt;
            v_card.replaced_by := NULL;
        END IF;
        RETURN QUERY SELECT
            p_ref[i], coalesce(v_record.outcome, 'card_not_found'), v_record.detail, v_record.facts,
            coalesce(v_record.recorded_at IS NOT NULL AND v_record.outcome <> 'idempotency_key_reused', false),
            v_card.*;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION api.replace_cards(integer[], bigint[], text[], text[]) IS
'Replaces cards: the new card of each';
