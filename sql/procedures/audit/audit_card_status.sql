-- Invariant I43 (rule 13).
--
-- "status goes by t": the present status of a card is that of its period without use which is
-- still open, and it is active where there is none.
CREATE FUNCTION api.audit_card_status(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'card ' || c.card_id,
    format('is %s, and its open periods say %s', c.status,
        coalesce(string_agg(i.status, ', '), 'active'))
FROM transit.cards AS c
LEFT JOIN transit.card_inactive_periods AS i
    ON i.card_id = c.card_id AND i.inactive_until = 'infinity'
WHERE p_account_id IS NULL OR c.account_id = p_account_id
GROUP BY c.card_id
HAVING c.status <> coalesce(string_agg(i.status, ', '), 'active')
$$;
COMMENT ON FUNCTION api.audit_card_status(bigint) IS
'Cards whose status is not that of their open period';
