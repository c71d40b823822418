-- Why rule 5 offered a trip no transfer: the fact that ruled it out, in the order of the rule.
CREATE FUNCTION api.explain_transfer(
    p_trip transit.trips, p_account api.tapped_account, p_terms api.fare_terms
) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_last transit.trips;
    v_paid transit.trips;
BEGIN
    IF p_account.user_id IS NULL THEN
        RETURN 'An anonymous card pays the full fare every time.';
    END IF;
    SELECT t.* INTO v_last
    FROM transit.trips AS t
    WHERE
        t.account_id = p_trip.account_id
        AND (t.tapped_at, t.device_id, t.device_seq, t.trip_id)
        < (p_trip.tapped_at, p_trip.device_id, p_trip.device_seq, p_trip.trip_id)
        AND t.pass_id IS NULL
    ORDER BY t.tapped_at DESC, t.device_id DESC, t.device_seq DESC, t.trip_id DESC
    LIMIT 1;
    SELECT t.* INTO v_paid FROM transit.trips AS t WHERE t.trip_id = v_last.journey_id;
    RETURN CASE
        WHEN v_last.trip_id IS NULL THEN 'The account has no journey before this trip.'
        WHEN p_trip.tapped_at >= v_paid.tapped_at + p_terms.transfer_window THEN format(
            'The journey before was paid at %s; its window of %s minutes ended at %s.',
            api.format_time(v_paid.tapped_at), extract(EPOCH FROM p_terms.transfer_window)::integer / 60,
            api.format_time(v_paid.tapped_at + p_terms.transfer_window)
        )
        WHEN v_last.transfer_number >= p_terms.max_transfers THEN format(
            'The journey of trip %s already has %s transfers.', v_paid.trip_id, v_last.transfer_number
        )
        WHEN v_last.start_station_id = p_trip.start_station_id THEN format(
            'Trip %s before it was at the same station.', v_last.trip_id
        )
        WHEN v_last.route_id = p_trip.route_id THEN format(
            'Trip %s before it was on the same route.', v_last.trip_id
        )
        WHEN p_trip.priced_transfer_declined THEN
            'A transfer was open, but the balance on arrival did not cover its price.'
        ELSE format('Trip %s before it was in the trunk too: inside it nobody taps to transfer.', v_last.trip_id)
    END;
END;
$$;
COMMENT ON FUNCTION api.explain_transfer(transit.trips, api.tapped_account, api.fare_terms) IS
'Why a trip is no transfer';
