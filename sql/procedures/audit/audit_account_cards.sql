-- Invariant I42 (rule 13).
--
-- "a card and those it replaced or was replaced by are one account: ... money always moves on its
-- newest card": an account is one chain of cards, from the one it is named after to the one on
-- which money moves, each replaced by one younger card of the same account.
CREATE FUNCTION api.audit_account_cards(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'account ' || a.account_id,
    format(
        'money moves on card %s; %s cards, %s of them replaced by %s others of it, end in %s (%s)',
        a.card_id, count(c.card_id), count(c.replaced_by), count(DISTINCT h.card_id),
        coalesce(max(c.card_id) FILTER (WHERE c.replaced_by IS NULL)::text, 'none'),
        count(*) FILTER (WHERE c.replaced_by IS NULL)
    )
FROM transit.accounts AS a
LEFT JOIN transit.cards AS c ON c.account_id = a.account_id
LEFT JOIN transit.cards AS h
    ON h.card_id = c.replaced_by AND h.account_id = c.account_id AND h.card_id > c.card_id
WHERE p_account_id IS NULL OR a.account_id = p_account_id
GROUP BY a.account_id, a.card_id
HAVING
    (
        min(c.card_id), max(c.card_id) FILTER (WHERE c.replaced_by IS NULL),
        count(*) FILTER (WHERE c.replaced_by IS NULL), count(DISTINCT h.card_id)
    )
    IS DISTINCT FROM (a.account_id, a.card_id, 1, count(c.card_id) - 1)
$$;
COMMENT ON FUNCTION api.audit_account_cards(bigint) IS
'Accounts whose cards are not one chain that ends in the newest';
