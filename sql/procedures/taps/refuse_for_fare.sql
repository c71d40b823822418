-- The answer to a tap that no rule accepts: its pass is used up for the day, or the balance, and
-- credit where it is allowed, does not cover the fare.
CREATE FUNCTION api.refuse_for_fare(p_trip transit.trips, p_account api.tapped_account)
RETURNS api.tap_answer
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF p_trip.pass_id IS NOT NULL THEN
        RETURN api.refuse(
            'pass_daily_limit',
            format('The monthly pass was used as often as a day allows on %s.', api.service_day(p_trip.tapped_at)),
            p_account.balance, false
        );
    END IF;
    RETURN api.refuse(
        'insufficient_balance',
        format(
            'The fare is %s and the balance %s%s; recharge at least %s.',
            p_trip.fare, p_account.balance,
            CASE WHEN p_account.debt > 0 THEN format(' with a debt of %s', p_account.debt) ELSE '' END,
            p_trip.fare - p_account.balance + p_account.debt
        ),
        p_account.balance, false
    );
END;
$$;
COMMENT ON FUNCTION api.refuse_for_fare(transit.trips, api.tapped_account) IS
'Refuses a tap for its fare or for the daily limit of its pass';
