-- The trips over all cards of a user, newest first; the page after the trip that started at
-- p_after_started_at with p_after_trip_id; only of the service days p_from to p_to, where they are
-- given. Each trip of the page is looked up by itself (OFFSET 0
-- keeps it so): joined, the planner would rather read all trips there are.
CREATE FUNCTION api.list_user_trips(
    p_user_id bigint, p_after_started_at timestamptz, p_after_trip_id bigint, p_limit integer,
    p_from date DEFAULT NULL, p_to date DEFAULT NULL
) RETURNS SETOF api.trip
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT shown.*
    FROM transit.accounts AS a
    CROSS JOIN LATERAL (
        SELECT t.trip_id
        FROM transit.trips AS t
        WHERE
            t.account_id = a.account_id
            AND t.tapped_at <= coalesce(p_after_started_at, 'infinity')
            AND t.tapped_at >= coalesce(api.start_of_day(p_from), '-infinity')
            AND t.tapped_at < coalesce(api.start_of_day(p_to + 1), 'infinity')
            AND (
                p_after_started_at IS NULL
                OR (t.tapped_at, t.trip_id) < (p_after_started_at, p_after_trip_id)
            )
        ORDER BY t.tapped_at DESC, t.trip_id DESC
        LIMIT p_limit
    ) AS page
    CROSS JOIN LATERAL (
        SELECT s.* FROM api.trip AS s WHERE s.trip_id = page.trip_id OFFSET 0
    ) AS shown
    WHERE a.user_id = p_user_id
    ORDER BY shown.started_at DESC, shown.trip_id DESC
    LIMIT p_limit;
END;
$$;
COMMENT ON FUNCTION api.list_user_trips(bigint, timestamptz, bigint, integer, date, date) IS
'A page of the trips of a user';
