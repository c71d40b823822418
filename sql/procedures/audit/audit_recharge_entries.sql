-- Invariant I5 (rule 10, 14).
--
-- "no ... recharge ... without its entry; no entry without its cause": one entry for each
-- recharge, on its card, of its amount, from its channel, at its moment, with its balance and the
-- debt that it repaid.
CREATE FUNCTION api.audit_recharge_entries(p_card_id bigint[], p_on date)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH posted AS (
    SELECT
        e.reference_id, e.card_id, sum(e.amount)::bigint AS amount, count(*) AS entries,
        max(e.counterparty) AS counterparty, max(e.balance_after) AS balance_after,
        max(e.posted_at) AS posted_at,
        -- What was owed before it, less what is owed after it.
        sum(greatest(e.debt_after + e.amount - e.balance_after, 0) - e.debt_after)::bigint
            AS debt_repaid
    FROM transit.ledger_entries AS e
    WHERE
        e.kind = 'recharge'
        AND (p_card_id IS NULL OR e.card_id = ANY (p_card_id))
        AND (p_on IS NULL OR e.posted_at >= api.start_of_day(p_on)
            AND e.posted_at < api.start_of_day(p_on + 1))
    GROUP BY e.reference_id, e.card_id
),
loaded AS (
    SELECT
        r.recharge_id, r.card_id, r.amount, r.channel, r.balance_after, r.debt_repaid,
        r.recharged_at
    FROM transit.recharges AS r
    WHERE
        (p_card_id IS NULL OR r.card_id = ANY (p_card_id))
        AND (p_on IS NULL OR r.recharged_at >= api.start_of_day(p_on)
            AND r.recharged_at < api.start_of_day(p_on + 1))
)
SELECT
    'recharge ' || coalesce(r.recharge_id, p.reference_id),
    format(
        'card %s was loaded %s by %s up to %s and repaid %s at %s, and %s entries load it %s from %s'
        ' up to %s and repay %s at %s',
        coalesce(r.card_id, p.card_id), coalesce(r.amount, 0), coalesce(r.channel, 'nothing'),
        coalesce(r.balance_after, 0), coalesce(r.debt_repaid, 0), r.recharged_at,
        coalesce(p.entries, 0), coalesce(p.amount, 0), coalesce(p.counterparty, 'nothing'),
        coalesce(p.balance_after, 0), coalesce(p.debt_repaid, 0), p.posted_at
    )
FROM loaded AS r
FULL JOIN posted AS p ON p.reference_id = r.recharge_id AND p.card_id = r.card_id
WHERE
    (r.amount, 'cash:' || r.channel, r.balance_after, r.debt_repaid, r.recharged_at, 1)
    IS DISTINCT FROM
    (p.amount, p.counterparty, p.balance_after, p.debt_repaid, p.posted_at, p.entries)
$$;
COMMENT ON FUNCTION api.audit_recharge_entries(bigint[], date) IS
'Recharges that the ledger does not have, or has otherwise, and entries without a recharge';
