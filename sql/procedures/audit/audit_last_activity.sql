-- Invariant I17 (rule 14).
--
-- "distinct users included": the last active day of each user and card, which the rollups count,
-- and the last tap of each account, which tells a late one, are those of their trips.
CREATE FUNCTION api.audit_last_activity(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH tapped AS (
    SELECT c.card_id, c.account_id, c.last_active_on, max(t.tapped_at) AS last_tapped_at
    FROM transit.cards AS c
    LEFT JOIN transit.trips AS t ON t.card_id = c.card_id
        AND (p_account_id IS NULL OR t.account_id = p_account_id)
    WHERE p_account_id IS NULL OR c.account_id = p_account_id
    GROUP BY c.card_id
),
noted AS (
    SELECT
        'card ' || p.card_id AS subject, p.last_active_on::text AS noted,
        coalesce(api.service_day(p.last_tapped_at), '-infinity')::text AS happened
    FROM tapped AS p
    UNION ALL
    SELECT
        'account ' || a.account_id, a.last_tapped_at::text,
        coalesce(max(p.last_tapped_at), '-infinity')::text
    FROM transit.accounts AS a
    INNER JOIN tapped AS p ON p.account_id = a.account_id
    GROUP BY a.account_id
    UNION ALL
    SELECT
        'user ' || u.user_id, u.last_active_on::text,
        coalesce(api.service_day(max(p.last_tapped_at)), '-infinity')::text
    FROM transit.users AS u
    LEFT JOIN transit.accounts AS a ON a.user_id = u.user_id
    LEFT JOIN tapped AS p ON p.account_id = a.account_id
    WHERE p_account_id IS NULL
    GROUP BY u.user_id
)
SELECT n.subject, format('last active %s, and the last trip was %s', n.noted, n.happened)
FROM noted AS n
WHERE n.noted <> n.happened
$$;
COMMENT ON FUNCTION api.audit_last_activity(bigint) IS
'Users, cards and accounts whose last active moment is not that of their trips';
