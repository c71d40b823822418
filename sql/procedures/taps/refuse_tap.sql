-- Rules 2 and 3: the refusal of a tap for its time, at which no tariff may have been in force, or
-- for the status that its card had then; null where it is not refused.
CREATE FUNCTION api.refuse_tap(
    p_card_id bigint, p_tapped_at timestamptz, p_arrived_at timestamptz,
    p_account api.tapped_account, p_terms api.fare_terms
) RETURNS api.tap_answer
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_first  timestamptz;
    v_period transit.card_inactive_periods;
BEGIN
    IF p_tapped_at > p_arrived_at + interval '5 minutes' THEN
        RETURN api.refuse('tap_in_future', format(
            'The tap is stamped %s, more than 5 minutes after its arrival at %s; set the clock of the validator.',
            api.format_time(p_tapped_at), api.format_time(p_arrived_at)
        ), p_account.balance, false, jsonb_build_object(
            'stamped_at', api.format_time(p_tapped_at),
            'arrived_at', api.format_time(p_arrived_at),
            'latest_at', api.format_time(p_arrived_at + interval '5 minutes')
        ));
    END IF;
    IF p_tapped_at < p_arrived_at - interval '7 days' THEN
        RETURN api.refuse('tap_too_old', format(
            'The tap is stamped %s, more than 7 days before its arrival at %s; it can no longer be charged.',
            api.format_time(p_tapped_at), api.format_time(p_arrived_at)
        ), p_account.balance, false, jsonb_build_object(
            'stamped_at', api.format_time(p_tapped_at),
            'arrived_at', api.format_time(p_arrived_at),
            'earliest_at', api.format_time(p_arrived_at - interval '7 days')
        ));
    END IF;
    IF p_terms.tariff_id IS NULL THEN
        SELECT min(f.valid_from) INTO v_first FROM transit.tariffs AS f;
        RETURN api.refuse('no_tariff', format(
            'No tariff was in force at %s, when the tap is stamped; the first began at %s.',
            api.format_time(p_tapped_at), api.format_time(v_first)
        ), p_account.balance, false, jsonb_build_object(
            'stamped_at', api.format_time(p_tapped_at), 'first_at', api.format_time(v_first)
        ));
    END IF;
    IF NOT p_account.was_inactive THEN
        RETURN NULL;
    END IF;
    SELECT i.*
    INTO v_period
    FROM transit.card_inactive_periods AS i
    WHERE i.card_id = p_card_id AND i.inactive_from <= p_tapped_at AND p_tapped_at < i.inactive_until
    ORDER BY i.period_id DESC
    LIMIT 1;
    IF FOUND THEN
        RETURN api.refuse('card_not_active', format(
            'The card is %s since %s; the tap is stamped %s.',
            v_period.status, api.format_time(v_period.inactive_from), api.format_time(p_tapped_at)
        ), p_account.balance, false, jsonb_build_object(
            'card_status', v_period.status,
            'since_at', api.format_time(v_period.inactive_from),
            'stamped_at', api.format_time(p_tapped_at)
        ));
    END IF;
    RETURN NULL;
END;
$$;
COMMENT ON FUNCTION api.refuse_tap(
    bigint, timestamptz, timestamptz, api.tapped_account, api.fare_terms
) IS
'Refuses a tap for its time or the status of its card then';
