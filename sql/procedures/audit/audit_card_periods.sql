-- Invariant I44 (rule 13).
--
-- "The card was blocked, replaced or expired at t (from the block up to the unblock)": the periods
-- of a card without use follow each other, begin after its issue, and only a block ends; that of a
-- replacement or an expiry begins when the money moved. The server's clock may step back, so an
-- hour says nothing.
CREATE FUNCTION api.audit_card_periods(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'card ' || c.card_id,
    format(
        'issued %s, %s from %s to %s, after a period to %s; its money moved %s',
        c.issued_at, i.status, i.inactive_from, i.inactive_until,
        coalesce(i.until_before::text, 'none'), coalesce(e.posted_at::text, 'never')
    )
FROM (
    SELECT
        p.card_id, p.status, p.inactive_from, p.inactive_until,
        lag(p.inactive_until) OVER (PARTITION BY p.card_id ORDER BY p.period_id) AS until_before
    FROM transit.card_inactive_periods AS p
) AS i
INNER JOIN transit.cards AS c ON c.card_id = i.card_id
LEFT JOIN transit.ledger_entries AS e
    ON e.card_id = c.card_id
    AND (
        i.status = 'replaced' AND e.kind = 'replacement' AND e.reference_id = c.replaced_by
        OR i.status = 'expired' AND e.kind = 'unclaimed'
    )
WHERE
    (p_account_id IS NULL OR c.account_id = p_account_id)
    AND (
        i.status IN ('replaced', 'expired') AND i.inactive_until <> 'infinity'
        OR i.inactive_from < i.until_before - interval '1 hour'
        OR i.inactive_from < c.issued_at - interval '1 hour'
        OR i.inactive_from < e.posted_at - interval '1 hour'
        OR i.inactive_from > e.posted_at + interval '1 hour'
    )
$$;
COMMENT ON FUNCTION api.audit_card_periods(bigint) IS
'Cards whose periods without use overlap, end or begin when they cannot';
