-- Invariant I7 (rule 13, 14).
--
-- "no ... replacement without its entry; no entry without its cause": a replaced card and the
-- one that replaced it name each other in one entry each; the two cancel, the old one is at 0.
CREATE FUNCTION api.audit_replacement_entries(p_account_id bigint, p_card_id bigint[])
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH replaced AS (
    SELECT c.card_id, c.replaced_by
    FROM transit.cards AS c
    WHERE c.replaced_by IS NOT NULL AND (p_account_id IS NULL OR c.account_id = p_account_id)
),
posted AS (
    -- The younger card has the greater identifier.
    SELECT
        least(e.card_id, e.reference_id) AS card_id, greatest(e.card_id, e.reference_id) AS heir,
        sum(e.amount)::bigint AS amount,
        count(*) FILTER (WHERE e.card_id < e.reference_id) AS leaving,
        count(*) FILTER (WHERE e.card_id > e.reference_id) AS coming,
        sum(e.balance_after + e.debt_after) FILTER (WHERE e.card_id < e.reference_id)::bigint
            AS left_behind
    FROM transit.ledger_entries AS e
    WHERE e.kind = 'replacement' AND (p_card_id IS NULL OR e.card_id = ANY (p_card_id))
    GROUP BY 1, 2
)
SELECT
    'card ' || coalesce(r.card_id, p.card_id),
    format(
        'replaced by %s; %s entries leave it (for %s), %s come, together %s, and %s stays behind',
        coalesce(r.replaced_by::text, 'none'), coalesce(p.leaving, 0),
        coalesce(p.heir::text, 'none'), coalesce(p.coming, 0), coalesce(p.amount, 0),
        coalesce(p.left_behind, 0)
    )
FROM replaced AS r
FULL JOIN posted AS p ON p.card_id = r.card_id AND p.heir = r.replaced_by
WHERE
    r.card_id IS NULL
    OR (p.leaving, p.coming, p.amount, p.left_behind) IS DISTINCT FROM (1, 1, 0, 0)
$$;
COMMENT ON FUNCTION api.audit_replacement_entries(bigint, bigint[]) IS
'Replacements whose two entries are missing or do not cancel, and such entries without one';
