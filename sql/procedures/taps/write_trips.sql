-- Writes accepted trips, no two of one account: their rows, their ledger entries, the accounts,
-- the rollups and the active day of their cards. One statement each for all of them, because a
-- statement costs more than a row.
CREATE FUNCTION api.write_trips(p_decisions api.decision[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    INSERT INTO transit.trips SELECT (d.trip).* FROM unnest(p_decisions) AS d;

    INSERT INTO transit.ledger_entries (
        entry_id, card_id, kind, counterparty, amount, balance_after, debt_after, reference_id,
        posted_at
    )
    SELECT
        api.next_id('transit.entry_ids', api.slot_of((d.trip).account_id)),
        (d.account).newest_card_id, 'fare', 'fare_revenue', -(d.trip).fare, after.balance, after.debt,
        (d.trip).trip_id, (d.trip).accepted_at
    FROM unnest(p_decisions) AS d
    CROSS JOIN LATERAL api.move_money((d.account).balance, (d.account).debt, -(d.trip).fare) AS after;

    UPDATE transit.accounts AS a
    SET balance = after.balance,
        debt = after.debt,
        last_tapped_at = greatest(a.last_tapped_at, (d.trip).tapped_at),
        -- A debt that stood at 0 until this trip counts the credit trips from this one on.
        credit_trip_floor = CASE
            WHEN a.debt = 0 AND after.debt > 0 THEN (d.trip).trip_id - 1 ELSE a.credit_trip_floor
        END
    FROM unnest(p_decisions) AS d
    CROSS JOIN LATERAL api.move_money((d.account).balance, (d.account).debt, -(d.trip).fare) AS after
    WHERE a.account_id = (d.trip).account_id;

    PERFORM api.note_trips(p_decisions);
END;
$$;
COMMENT ON FUNCTION api.write_trips(api.decision[]) IS 'Writes accepted trips and moves their money';
