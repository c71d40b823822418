-- What the recharges of an account say of its credit: from which entry on (up to which) credit
-- returned on which day. "When a recharge clears a debt, credit rests until the first service day
-- after a recharge that leaves no debt and a balance of at least one trunk base fare (the clearing
-- recharge itself may be that one)". Before the first row credit never rested.
CREATE FUNCTION api.audit_credit_rests(p_account_id bigint)
RETURNS TABLE (account_id bigint, entry_id bigint, until_entry_id bigint, returns_on date)
LANGUAGE sql STABLE
AS $$
WITH loaded AS (
    SELECT
        c.account_id, e.entry_id, e.posted_at, e.balance_after, e.debt_after,
        -- What was loaded is more than what it left: the rest repaid a debt.
        e.debt_after = 0 AND e.balance_after < e.amount AS clears
    FROM transit.ledger_entries AS e
    INNER JOIN transit.cards AS c ON c.card_id = e.card_id
    WHERE e.kind = 'recharge' AND (p_account_id IS NULL OR c.account_id = p_account_id)
),
spelled AS (
    SELECT
        l.account_id, l.entry_id, l.posted_at, l.balance_after, l.debt_after, l.clears,
        count(*) FILTER (WHERE l.clears) OVER (PARTITION BY l.account_id ORDER BY l.entry_id)
            AS spell
    FROM loaded AS l
),
sized AS (
    SELECT
        s.account_id, s.entry_id, s.posted_at, s.clears, s.spell,
        s.debt_after = 0 AND s.balance_after >= (
            SELECT f.trunk_fare FROM transit.tariffs AS f
            WHERE f.valid_from <= s.posted_at AND f.published_after_entry < s.entry_id >> 12
            ORDER BY f.valid_from DESC
            LIMIT 1
        ) AS suffices
    FROM spelled AS s
    WHERE s.spell > 0
),
counted AS (
    SELECT
        s.account_id, s.entry_id, s.posted_at, s.clears, s.suffices, s.spell,
        count(*) FILTER (WHERE s.suffices) OVER (
            PARTITION BY s.account_id, s.spell ORDER BY s.entry_id
        ) AS sufficing
    FROM sized AS s
)
SELECT
    n.account_id, n.entry_id,
    lead(n.entry_id, 1, 9223372036854775807) OVER (
        PARTITION BY n.account_id ORDER BY n.entry_id
    ),
    CASE WHEN n.suffices THEN api.service_day(n.posted_at) + 1 ELSE 'infinity' END
FROM counted AS n
WHERE n.clears OR n.suffices AND n.sufficing = 1
$$;
COMMENT ON FUNCTION api.audit_credit_rests(bigint) IS
'The first service day with credit after each recharge that changes it';
