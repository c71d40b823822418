-- The rules looked at for a trip, in their order, up to the one that applied, each with the fact
-- that decided it. Everything is read from what was recorded: the trips before it in time, the
-- tariff of the trip, the passes, and the ledger entry that charged it.
CREATE FUNCTION api.explain_rules(
    p_trip transit.trips, p_account api.tapped_account, p_terms api.fare_terms
) RETURNS TABLE (rule text, applied boolean, fact text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_entry transit.ledger_entries;
    v_had   bigint;
    v_free  integer;
BEGIN
    SELECT e.* INTO v_entry
    FROM transit.cards AS c
    INNER JOIN transit.ledger_entries AS e ON e.card_id = c.card_id
    WHERE c.account_id = p_trip.account_id AND e.kind = 'fare' AND e.reference_id = p_trip.trip_id;
    v_had := greatest(v_entry.balance_after - v_entry.debt_after - v_entry.amount, 0);
    v_free := api.count_free_trips(p_trip);
    RETURN QUERY
    SELECT steps.rule, steps.rule = p_trip.fare_rule::text, steps.fact
    FROM (VALUES
        (1, 'monthly_pass', CASE
            WHEN p_trip.pass_id IS NOT NULL THEN format('The trip is on monthly pass %s.', p_trip.pass_id)
            WHEN (api.find_pass(p_trip)).pass_id IS NOT NULL
                THEN 'The monthly pass was used as often as a day allows before this trip.'
            ELSE 'No monthly pass with trips left was in force at the time of the tap.'
        END),
        (2, 'transfer', CASE
            WHEN p_trip.fare_rule = 'transfer' THEN format(
                'Transfer %s of the journey that trip %s paid, for %s.',
                p_trip.transfer_number, p_trip.journey_id, p_trip.fare
            )
            ELSE api.explain_transfer(p_trip, p_account, p_terms)
        END),
        (3, 'subsidy_pass', format(
            'The profile %s has %s free trips a month; %s were used before this trip.',
            p_account.profile, p_terms.free_trips, v_free
        )),
        (4, 'base', CASE
            WHEN p_trip.fare_rule = 'credit' THEN format(
                'The balance on arrival was %s and did not cover the fare of %s.', v_had, p_trip.fare
            )
            ELSE format('The full fare of the component %s is %s.', p_terms.component, p_terms.full_fare)
        END),
        (5, 'credit', format(
            'The balance of %s went first, %s was lent.', least(v_had, p_trip.fare),
            p_trip.fare - least(v_had, p_trip.fare)
        ))
    ) AS steps (position, rule, fact)
    WHERE
        steps.position <= array_position(
            ARRAY['monthly_pass', 'transfer', 'subsidy_pass', 'base', 'credit'],
            p_trip.fare_rule::text
        )
    ORDER BY steps.position;
END;
$$;
COMMENT ON FUNCTION api.explain_rules(transit.trips, api.tapped_account, api.fare_terms) IS
'The rules looked at for a trip, each with its fact';
