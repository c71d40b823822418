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
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_now      timestamptz;
    v_account  api.tapped_account;
    v_decision api.decision;
    v_waiting  api.decision[] := '{}';
    v_accounts bigint[] := '{}';
    v_new_days transit.trips[] := '{}';
BEGIN
    PERFORM api.lock_accounts(p_card_id);
    v_now := api.clock_now();
    FOR i IN 1 .. cardinality(p_ref) LOOP
        v_account := api.read_tapped_account(p_card_id[i]);
        IF v_account.account_id = ANY (v_accounts) THEN
            PERFORM api.write_decisions(v_waiting);
            v_waiting := '{}';
            v_accounts := '{}';
            v_account := api.read_tapped_account(p_card_id[i]);
        END IF;
        v_decision := api.start_trip(ROW(
            p_ref[i], p_card_id[i], p_station_id[i], p_route_id[i], p_tapped_at[i],
            p_device_id[i], p_device_seq[i],
            coalesce('d/' || p_device_id[i] || '/' || p_device_seq[i], 'k/' || p_key[i]), v_now
        ), v_account);
        IF api.service_day((v_decision.trip).tapped_at) > v_account.card_active_on THEN
            v_new_days := v_new_days || v_decision.trip;
        END IF;
        IF (v_decision.trip).tapped_at <= v_account.last_tapped_at THEN
            v_decision := api.write_late_trip(v_decision);
        END IF;
        v_waiting := v_waiting || v_decision;
        v_accounts := v_accounts || v_account.account_id;
        v_decision.answer.ref := p_ref[i];
        RETURN NEXT v_decision.answer;
    END LOOP;
    PERFORM api.write_decisions(v_waiting);
    IF cardinality(v_new_days) > 0 THEN
        PERFORM api.note_active_cards(v_new_days);
        PERFORM api.note_active_users(v_new_days);
    END IF;
END;
$$;
COMMENT ON FUNCTION api.start_trips(
    integer[], bigint[], bigint[], bigint[], timestamptz[], bigint[], bigint[], text[]
) IS 'Starts trips: one answer per tap';
