-- One alert, also when it is over or yet to come; no row when there is none.
CREATE FUNCTION api.read_alert(p_alert_id bigint)
RETURNS TABLE (
    alert_id bigint, cause text, effect text, severity_level text, header text, description text,
    active_from timestamptz, active_until timestamptz, station_id integer, route_id integer
)
LANGUAGE sql STABLE
AS $$
SELECT
    a.alert_id, a.cause, a.effect, a.severity_level, a.header, a.description, a.active_from,
    a.active_until, a.station_id, a.route_id
FROM transit.alerts AS a
WHERE a.alert_id = p_alert_id
$$;
COMMENT ON FUNCTION api.read_alert(bigint) IS 'One alert';
