-- The statement of a card: every movement in posting order, newest first; only of the service days
-- p_from to p_to, where they are given. Read along the primary key: entries of one card alone.
CREATE FUNCTION api.list_entries(
    p_card_id bigint, p_after bigint, p_limit integer, p_from date DEFAULT NULL,
    p_to date DEFAULT NULL
)
RETURNS TABLE (
    entry_id bigint, kind text, amount bigint, balance_after bigint, debt_after bigint,
    reference_id bigint, at timestamptz
)
LANGUAGE sql STABLE
AS $$
SELECT
    e.entry_id, e.kind::text, e.amount, e.balance_after, e.debt_after, e.reference_id, e.posted_at
FROM transit.ledger_entries AS e
WHERE
    e.card_id = p_card_id
    AND (p_after IS NULL OR e.entry_id < p_after)
    AND (p_from IS NULL OR e.posted_at >= api.start_of_day(p_from))
    AND (p_to IS NULL OR e.posted_at < api.start_of_day(p_to + 1))
ORDER BY e.entry_id DESC
LIMIT p_limit
$$;
COMMENT ON FUNCTION api.list_entries(bigint, bigint, integer, date, date) IS
'A page of the statement of a card';
