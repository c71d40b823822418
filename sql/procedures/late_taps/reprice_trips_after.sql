-- Prices again the trips of the account that lie after a tap in time, as if all had arrived in
-- time order, and posts the differences in that order. It stops at the first trip from which on
-- nothing can differ: one that kept its journey and its place in it, with as many free trips
-- used in its month as before, and no pass involved. What it looks at lies within the 7 days
-- that a tap may be late.
CREATE FUNCTION api.reprice_trips_after(p_trip transit.trips, p_account api.tapped_account)
RETURNS api.tapped_account
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_old        transit.trips;
    v_new        transit.trips;
    v_touches    boolean := p_trip.pass_id IS NOT NULL;
    v_month      date := date_trunc('month', api.service_day(p_trip.tapped_at));
    v_changes    api.fare_change[] := '{}';
    v_free_trips integer := (p_trip.fare_rule = 'subsidy_pass')::integer;
BEGIN
    FOR v_old IN
        SELECT t.*
        FROM transit.trips AS t
        WHERE
            t.account_id = p_trip.account_id
            AND (t.tapped_at, t.device_id, t.device_seq, t.trip_id)
            > (p_trip.tapped_at, p_trip.device_id, p_trip.device_seq, p_trip.trip_id)
        ORDER BY t.tapped_at, t.device_id, t.device_seq, t.trip_id
    LOOP
        IF v_month <> date_trunc('month', api.service_day(v_old.tapped_at)) THEN
            v_month := date_trunc('month', api.service_day(v_old.tapped_at));
            v_free_trips := 0;
        END IF;
        v_new := api.price_again(v_old, p_account);
        IF v_new IS NOT DISTINCT FROM v_old THEN
            EXIT WHEN v_old.pass_id IS NULL AND NOT v_touches AND v_free_trips = 0;
        ELSE
            v_touches := v_touches OR v_old.pass_id IS DISTINCT FROM v_new.pass_id;
            v_free_trips := v_free_trips + (v_new.fare_rule = 'subsidy_pass')::integer
                - (v_old.fare_rule = 'subsidy_pass')::integer;
            PERFORM api.change_fare(v_new);
            v_changes := v_changes || ROW(
                api.next_id('transit.entry_ids', api.slot_of(p_trip.account_id)), v_old, v_new
            )::api.fare_change;
        END IF;
    END LOOP;
    IF cardinality(v_changes) > 0 THEN
        p_account := api.post_corrections(v_changes, p_account, p_trip.accepted_at);
    END IF;
    RETURN p_account;
END;
$$;
COMMENT ON FUNCTION api.reprice_trips_after(transit.trips, api.tapped_account) IS
'Prices the later trips of an account again after a late tap';
