-- The answer to a tap that no rule accepts: its pass is used up for the day, or the balance, and
-- credit where it is allowed, does not cover the fare.
CREATE FUNCTION api.refuse_for_fare(p_trip transit.trips, p_account api.tapped_account)
RETURNS api.tap_answer
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_limit integer := (
        SELECT m.max_trips_per_day FROM transit.monthly_passes AS m WHERE m.pass_id = p_trip.pass_id
    );
BEGIN
    IF p_trip.pass_id IS NOT NULL THEN
        RETURN api.refuse('pass_daily_limit', format(
            'The monthly pass was used %s times on %s, as often as a day allows.',
            v_limit, api.service_day(p_trip.tapped_at)
        ), p_account.balance, false, jsonb_build_object(
            'limit', v_limit, 'service_day', api.service_day(p_trip.tapped_at)
        ));
    END IF;
    RETURN api.refuse(
        'insufficient_balance',
        format(
            'The fare is %s and the balance %s%s; recharge at least %s.',
            p_trip.fare, p_account.balance,
            CASE WHEN p_account.debt > 0 THEN format(' with a debt of %s', p_account.debt) ELSE '' END,
            p_trip.fare - p_account.balance + p_account.debt
        ),
        p_account.balance, false, jsonb_build_object(
            'fare', p_trip.fare, 'balance', p_account.balance, 'debt', p_account.debt,
            'missing', p_trip.fare - p_account.balance + p_account.debt
        )
    );
END;
$$;
COMMENT ON FUNCTION api.refuse_for_fare(transit.trips, api.tapped_account) IS
'Refuses a tap for its fare or for the daily limit of its pass';
