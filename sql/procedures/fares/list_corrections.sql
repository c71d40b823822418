-- The corrections of a trip, oldest first: what was posted, and what its rule and journey became.
-- amount is the change of balance - debt. Where the rule or the journey changed and no peso moved,
-- amount is 0 and there is no entry; where a peso moved and neither changed, there are no rules.
CREATE FUNCTION api.list_corrections(p_trip_id bigint) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
SELECT coalesce(
    jsonb_agg(
        jsonb_build_object(
            'entry_id', e.entry_id, 'card_id', e.card_id, 'amount', coalesce(e.amount, 0),
            'balance_after', e.balance_after, 'debt_after', e.debt_after,
            'at', api.format_time(coalesce(e.posted_at, c.at)),
            'old_rule', c.old_rule, 'new_rule', c.new_rule,
            'old_journey_id', c.old_journey, 'new_journey_id', c.new_journey
        )
        ORDER BY coalesce(e.entry_id, c.change_id)
    ),
    '[]'
)
FROM (
    SELECT p.*
    FROM transit.ledger_entries AS p
    WHERE p.kind = 'fare_correction' AND p.reference_id = p_trip_id
) AS e
FULL JOIN (
    SELECT r.* FROM transit.rule_changes AS r WHERE r.trip_id = p_trip_id
) AS c ON c.change_id = e.entry_id
$$;
COMMENT ON FUNCTION api.list_corrections(bigint) IS 'The corrections of a trip as JSON';
