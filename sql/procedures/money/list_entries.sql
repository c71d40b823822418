-- The statement of a card: every movement in posting order, newest first.
CREATE FUNCTION api.list_entries(p_card_id bigint, p_after bigint, p_limit integer)
RETURNS TABLE (
    entry_id bigint, kind text, amount bigint, balance_after bigint, debt_after bigint,
    reference_id bigint, at timestamptz
)
LANGUAGE sql STABLE
AS $$
SELECT
    e.entry_id, e.kind::text, e.amount, e.balance_after, e.debt_after, e.reference_id, e.posted_at
FROM transit.ledger_entries AS e
WHERE e.card_id = p_card_id AND (p_after IS NULL OR e.entry_id < p_after)
ORDER BY e.entry_id DESC
LIMIT p_limit
$$;
COMMENT ON FUNCTION api.list_entries(bigint, bigint, integer) IS 'A page of the statement of a card';
