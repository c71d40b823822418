-- Invariant I45 (rule 13).
--
-- "blocked, replaced and expired cards are on it; no version is ever skipped": what the deny list
-- says last of each card is its present status, its versions end at the counter, and it has the
-- cards that were ever without use, and no others.
CREATE FUNCTION api.audit_deny_list(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    coalesce('card ' || c.card_id, 'card number ' || d.card_number),
    format(
        'is %s, was %s without use, and the deny list says %s in version %s of %s',
        coalesce(c.status, 'unknown'), CASE WHEN i.card_id IS NULL THEN 'never' ELSE 'once' END,
        coalesce(d.action, 'nothing'), coalesce(d.version, 0), v.version
    )
FROM (
    SELECT c.card_id, c.card_number, c.status
    FROM transit.cards AS c
    WHERE p_account_id IS NULL OR c.account_id = p_account_id
) AS c
FULL JOIN transit.deny_list AS d ON d.card_number = c.card_number
LEFT JOIN (SELECT DISTINCT p.card_id FROM transit.card_inactive_periods AS p) AS i
    ON i.card_id = c.card_id
CROSS JOIN transit.deny_list_version AS v
WHERE
    (c.card_id IS NOT NULL OR p_account_id IS NULL)
    AND (
        (c.status IS NOT DISTINCT FROM 'active') <> (coalesce(d.action, 'remove') = 'remove')
        OR c.card_id IS NULL
        OR (i.card_id IS NULL) <> (d.version IS NULL)
        OR d.version > v.version
    )
$$;
COMMENT ON FUNCTION api.audit_deny_list(bigint) IS
'Cards whose status is not what validators are told';
