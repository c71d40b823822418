-- What a validator must learn since a version: each card that changed, with its last action, a
-- page of at most p_limit cards in the order of their versions. A null version is the beginning,
-- a null limit the whole list.
--
-- version is where the next page begins: the last of this page while there is more, and else the
-- present version of the list. A card that changes between two pages comes again in a later one.
-- A version that this list never gave (of another epoch, or above the present one) is refused.
-- One row with a null card when there is nothing.
CREATE FUNCTION api.read_deny_list(
    p_since  bigint,
    p_epoch  text DEFAULT NULL,
    p_limit  integer DEFAULT NULL
)
RETURNS TABLE (
    version      bigint,
    card_number  text,
    action       text,
    outcome      text,
    detail       text,
    epoch        text,
    more         boolean
)
LANGUAGE sql STABLE
AS $$
WITH list AS MATERIALIZED (
    SELECT
        v.version, e.epoch,
        coalesce(p_since, 0) > v.version
        OR (coalesce(p_since, 0) > 0 AND p_epoch IS DISTINCT FROM e.epoch AND p_epoch IS NOT NULL)
            AS restarted
    FROM transit.deny_list_version AS v
    CROSS JOIN (SELECT api.identify_deny_list() AS epoch) AS e
),
page AS MATERIALIZED (
    SELECT d.card_number, d.action, d.version
    FROM transit.deny_list AS d
    WHERE d.version > coalesce(p_since, 0) AND NOT (SELECT l.restarted FROM list AS l)
    ORDER BY d.version
    LIMIT p_limit
),
ends AS (
    SELECT
        max(p.version) AS last_version,
        coalesce(count(*) = p_limit, false)
        -- The greatest of all is one look into the index; whether there is a greater one would be
        -- searched in the whole list.
        AND max(p.version) < (SELECT max(d.version) FROM transit.deny_list AS d) AS more
    FROM page AS p
)
SELECT
    CASE WHEN e.more THEN e.last_version ELSE l.version END, p.card_number, p.action,
    CASE WHEN l.restarted THEN 'deny_list_restarted' ELSE 'accepted' END, NULL::text,
    l.epoch, e.more
FROM list AS l
CROSS JOIN ends AS e
LEFT JOIN page AS p ON true
ORDER BY p.version
$$;
COMMENT ON FUNCTION api.read_deny_list(bigint, text, integer) IS
'A page of the changes of the deny list since a version';
