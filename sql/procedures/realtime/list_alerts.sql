-- Which alerts are in force now, newest first: those of one station, of one route, of one severity,
-- where these are given; the page after p_after. What an alert names counts, not where it is shown:
-- api.read_alerts says what concerns the riders of a station. Locks nothing.
CREATE FUNCTION api.list_alerts(
    p_station_id bigint, p_route_id bigint, p_severity_level text, p_after bigint, p_limit integer
) RETURNS TABLE (
    alert_id bigint, cause text, effect text, severity_level text, header text, description text,
    active_from timestamptz, active_until timestamptz, station_id integer, route_id integer
)
LANGUAGE sql STABLE
AS $$
SELECT
    a.alert_id, a.cause, a.effect, a.severity_level, a.header, a.description, a.active_from,
    a.active_until, a.station_id, a.route_id
FROM transit.alerts AS a
CROSS JOIN (SELECT api.clock_now() AS now) AS clock
WHERE
    coalesce(a.active_until, 'infinity'::timestamptz) > clock.now
    AND a.active_from <= clock.now
    AND (p_station_id IS NULL OR a.station_id = p_station_id)
    AND (p_route_id IS NULL OR a.route_id = p_route_id)
    AND (p_severity_level IS NULL OR a.severity_level = p_severity_level)
    AND (p_after IS NULL OR a.alert_id < p_after)
ORDER BY a.alert_id DESC
LIMIT p_limit
$$;
COMMENT ON FUNCTION api.list_alerts(bigint, bigint, text, bigint, integer) IS
'A page of the alerts in force';
