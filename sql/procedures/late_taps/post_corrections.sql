-- Posts what one late tap changed, in the time order of the trips: the ledger gets the differences,
-- each change of a rule or a journey is kept, the rollups follow on the trips' own days. Answers
-- the account after it. One statement each for all trips, because a late tap may change hundreds.
CREATE FUNCTION api.post_corrections(
    p_changes api.fare_change[], p_account api.tapped_account, p_at timestamptz
) RETURNS api.tapped_account
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    INSERT INTO transit.ledger_entries (
        entry_id, card_id, kind, counterparty, amount, balance_after, debt_after, reference_id,
        posted_at
    )
    SELECT
        c.change_id, p_account.newest_card_id, 'fare_correction', 'fare_revenue', c.amount,
        after.balance, after.debt, c.trip_id, p_at
    FROM (
        SELECT
            u.change_id, (u.old).trip_id, (u.old).fare - (u.new).fare AS amount,
            sum((u.old).fare - (u.new).fare) OVER (ORDER BY u.change_id)::bigint AS so_far
        FROM unnest(p_changes) AS u
    ) AS c
    CROSS JOIN LATERAL api.move_money(p_account.balance, p_account.debt, c.so_far) AS after
    WHERE c.amount <> 0;

    INSERT INTO transit.rule_changes (
        trip_id, change_id, at, old_journey, new_journey, old_rule, new_rule
    )
    SELECT
        (u.old).trip_id, u.change_id, p_at, (u.old).journey_id, (u.new).journey_id,
        (u.old).fare_rule, (u.new).fare_rule
    FROM unnest(p_changes) AS u
    WHERE
        (u.new).fare_rule <> (u.old).fare_rule
        OR (u.new).journey_id IS DISTINCT FROM (u.old).journey_id;

    INSERT INTO transit.activity_deltas (on_day, hour, station_id, paid_trips, transfers, revenue)
    SELECT
        api.service_day((u.old).tapped_at),
        extract(HOUR FROM (u.old).tapped_at AT TIME ZONE 'America/Bogota'),
        (u.old).start_station_id,
        sum(((u.new).fare > 0)::integer - ((u.old).fare > 0)::integer),
        sum(
            ((u.new).fare_rule = 'transfer')::integer - ((u.old).fare_rule = 'transfer')::integer
        ),
        sum((u.new).fare - (u.old).fare)
    FROM unnest(p_changes) AS u
    GROUP BY 1, 2, 3;

    SELECT after.balance, after.debt INTO p_account.balance, p_account.debt
    FROM api.move_money(
        p_account.balance, p_account.debt,
        (SELECT sum((u.old).fare - (u.new).fare)::bigint FROM unnest(p_changes) AS u)
    ) AS after;
    RETURN p_account;
END;
$$;
COMMENT ON FUNCTION api.post_corrections(
    api.fare_change[], api.tapped_account, timestamptz
) IS 'Posts the differences that a late tap made';
