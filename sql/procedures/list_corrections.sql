-- The corrections posted for a trip, oldest first; amount is the change of balance - debt.
CREATE FUNCTION api.list_corrections(p_trip_id bigint) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
SELECT coalesce(
    jsonb_agg(
        jsonb_build_object(
            'entry_id', e.entry_id, 'card_id', e.card_id, 'amount', e.amount,
            'balance_after', e.balance_after, 'debt_after', e.debt_after,
            'at', api.format_time(e.posted_at)
        )
        ORDER BY e.entry_id
    ),
    '[]'
)
FROM transit.ledger_entries AS e
WHERE e.kind = 'fare_correction' AND e.reference_id = p_trip_id
$$;
COMMENT ON FUNCTION api.list_corrections(bigint) IS 'The corrections of a trip as JSON';
