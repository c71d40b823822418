-- Invariant I46 (rule 13).
--
-- "no version is ever skipped": the changes of the deny list have their versions in the order in
-- which they happened, and the last of them is the counter; a change with an older version would
-- reach no validator that is past it. The server's clock may step back and changes wait for each
-- other, so an hour between two changes says nothing.
CREATE FUNCTION api.audit_deny_versions()
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH changed AS (
    SELECT
        d.version, c.card_id,
        greatest(
            max(i.inactive_from), max(i.inactive_until) FILTER (WHERE isfinite(i.inactive_until))
        ) AS changed_at
    FROM transit.deny_list AS d
    INNER JOIN transit.cards AS c ON c.card_number = d.card_number
    INNER JOIN transit.card_inactive_periods AS i ON i.card_id = c.card_id
    GROUP BY d.version, c.card_id
),
followed AS (
    SELECT
        h.version, h.card_id, h.changed_at,
        lead(h.version) OVER (ORDER BY h.version) AS version_after,
        lead(h.changed_at) OVER (ORDER BY h.version) AS changed_after
    FROM changed AS h
)
SELECT
    'card ' || f.card_id,
    format('changed %s as version %s, and version %s changed before it, %s',
        f.changed_at, f.version, f.version_after, f.changed_after)
FROM followed AS f
WHERE f.changed_at > f.changed_after + interval '1 hour'
UNION ALL
SELECT
    'deny list',
    format('its counter is %s, and its last change has version %s', v.version, d.version)
FROM transit.deny_list_version AS v
CROSS JOIN (SELECT coalesce(max(l.version), 0) AS version FROM transit.deny_list AS l) AS d
WHERE v.version <> d.version
$$;
COMMENT ON FUNCTION api.audit_deny_versions() IS
'Changes of the deny list out of the order of their versions';
