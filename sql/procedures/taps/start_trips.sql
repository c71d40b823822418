-- The heart: any number of taps, decided in the order of the arrays. A live tap, the upload of a
-- bus that was out of coverage and a tap sent again all come through here.
--
-- Locks the accounts of all cards by id, then the users whose active day moves by id. p_tapped_at
-- null means now; p_route_id, both device fields and p_key may be null; a tap with device fields
-- has its key from these. Answers one row per tap: 'accepted' or the word of its refusal, and
-- the trip.
--
-- Decisions wait to be written together, but never past the next tap of the same account (it
-- must see them) nor past a late trip (what it changes must be priced again).
CREATE FUNCTION api.start_trips(
    p_ref integer[], p_card_id bigint[], p_station_id bigint[], p_route_id bigint[],
    p_tapped_at timestamptz[], p_device_id bigint[], p_device_seq bigint[], p_key text[]
) RETURNS SETOF api.tap_answer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_locked   bigint[];
    v_now      timestamptz;
    v_facts    api.tap_facts;
    v_account  api.tapped_account;
    v_decision api.decision;
    -- Accounts of the taps so far: what was read of them at the beginning is not true any more.
    v_seen     bigint[] := '{}';
    v_waiting  api.decision[] := '{}';
    -- Accounts of the decisions that wait.
    v_accounts bigint[] := '{}';
    v_new_days transit.trips[] := '{}';
    v_refused  api.tap[] := '{}';
    v_outcomes text[] := '{}';
BEGIN
    v_locked := api.lock_accounts(p_card_id);
    v_now := api.clock_now();
    FOR v_facts IN
        SELECT f.*
        FROM api.read_tap_facts(
            p_ref, p_card_id, p_station_id, p_route_id, p_tapped_at, p_device_id, p_device_seq, p_key,
            v_now, v_locked
        ) AS f
    LOOP
        v_account := v_facts.account;
        IF v_account.account_id = ANY (v_seen) THEN
            IF v_account.account_id = ANY (v_accounts) THEN
                PERFORM api.write_decisions(v_waiting);
                v_waiting := '{}';
                v_accounts := '{}';
            END IF;
            v_facts := api.read_tap_facts_again(v_facts, v_locked);
            v_account := v_facts.account;
        END IF;
        v_decision := api.start_trip(v_facts);
        IF api.service_day((v_decision.trip).tapped_at) > v_account.card_active_on THEN
            v_new_days := v_new_days || v_decision.trip;
        END IF;
        IF (v_decision.trip).tapped_at <= v_account.last_tapped_at THEN
            v_decision := api.write_late_trip(v_decision, v_locked);
        END IF;
        IF (v_decision.answer).outcome <> 'accepted' AND NOT (v_decision.answer).replayed THEN
            v_refused := v_refused || v_facts.tap;
            v_outcomes := v_outcomes || (v_decision.answer).outcome;
        END IF;
        v_seen := v_seen || v_account.account_id;
        v_waiting := v_waiting || v_decision;
        v_accounts := v_accounts || v_account.account_id;
        v_decision.answer.ref := (v_facts.tap).ref;
        RETURN NEXT v_decision.answer;
    END LOOP;
    PERFORM api.write_decisions(v_waiting);
    IF cardinality(v_refused) > 0 THEN
        PERFORM api.note_refused_taps(v_refused, v_outcomes);
    END IF;
    IF cardinality(v_new_days) > 0 THEN
        PERFORM api.note_active_cards(v_new_days);
        PERFORM api.note_active_users(v_new_days);
    END IF;
END;
$$;
COMMENT ON FUNCTION api.start_trips(
    integer[], bigint[], bigint[], bigint[], timestamptz[], bigint[], bigint[], text[]
) IS 'Starts trips: one answer per tap';
