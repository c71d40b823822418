-- Writes an accepted trip that lies before others in time, prices those again, and settles the
-- difference: the answer shows the balance after all of it. What remains of the decision is
-- what to remember.
CREATE FUNCTION api.write_late_trip(p_decision api.decision, p_locked bigint[])
RETURNS api.decision
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_trip   transit.trips := p_decision.trip;
    v_before api.tapped_account;
    v_after  api.tapped_account;
BEGIN
    PERFORM api.write_trips(ARRAY[p_decision]);
    SELECT a.* INTO v_before FROM api.read_tapped_account(v_trip.card_id, p_locked) AS a;
    v_after := api.reprice_trips_after(v_trip, v_before);
    IF (v_after.balance, v_after.debt) IS DISTINCT FROM (v_before.balance, v_before.debt) THEN
        UPDATE transit.accounts AS a
        SET credit_trip_floor = v_trip.trip_id - 1
        WHERE a.account_id = v_trip.account_id AND v_before.debt = 0 AND v_after.debt > 0;
        PERFORM api.save_money(v_before, v_after, 0, v_trip.accepted_at);
        UPDATE transit.trips AS t
        SET balance_after = v_after.balance
        WHERE t.trip_id = v_trip.trip_id;
    END IF;
    p_decision.trip := NULL;
    p_decision.answer.balance := v_after.balance;
    p_decision.record.balance := v_after.balance;
    RETURN p_decision;
END;
$$;
COMMENT ON FUNCTION api.write_late_trip(api.decision, bigint[]) IS
'Writes a late trip and prices those after it again';
