-- Writes an accepted trip: its row, its ledger entry, the corrections it causes, the account and
-- the rollups. Answers the trip with the balance after all of that.
CREATE FUNCTION api.accept_trip(p_trip transit.trips, p_before api.tapped_account)
RETURNS transit.trips
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_after api.tapped_account := api.post_entry(
        p_before, 'fare', 'fare_revenue', -p_trip.fare, p_trip.trip_id, p_trip.accepted_at
    );
BEGIN
    p_trip.balance_after := v_after.balance;
    INSERT INTO transit.trips SELECT p_trip.*;
    IF p_trip.tapped_at <= p_before.last_tapped_at THEN
        v_after := api.reprice_trips_after(p_trip, v_after);
        IF v_after.balance <> p_trip.balance_after THEN
            p_trip.balance_after := v_after.balance;
            UPDATE transit.trips AS t
            SET balance_after = p_trip.balance_after
            WHERE t.trip_id = p_trip.trip_id;
        END IF;
    END IF;
    UPDATE transit.accounts AS a
    SET balance = v_after.balance,
        debt = v_after.debt,
        last_tapped_at = greatest(a.last_tapped_at, p_trip.tapped_at),
        -- Debt that stood at 0 until this trip counts the credit trips from this one on.
        credit_trip_floor = CASE
            WHEN p_before.debt = 0 AND v_after.debt > 0 THEN p_trip.trip_id - 1
            ELSE a.credit_trip_floor
        END
    WHERE a.account_id = p_trip.account_id;
    PERFORM api.note_trip(p_trip, p_before, v_after);
    RETURN p_trip;
END;
$$;
COMMENT ON FUNCTION api.accept_trip(transit.trips, api.tapped_account) IS
'Writes an accepted trip and moves its money';
