-- What should a rider at this station know now?
--
-- The alerts in force of the station itself, of the routes that stop there, and of the whole
-- system; one that names a station and a route is only for that station. Newest first.
-- Locks nothing. No row: no such station; one row with only as_of: all is well.

CREATE FUNCTION api.read_alerts(p_station_id bigint)
RETURNS TABLE (
    as_of           timestamptz,
    alert_id        bigint,
    cause           text,
    effect          text,
    severity_level  text,
    header          text,
    description     text,
    active_from     timestamptz,
    active_until    timestamptz
)
LANGUAGE sql
STABLE
AS $function$
    WITH clock AS MATERIALIZED (
        SELECT api.clock_now() AS now
    )
    SELECT
        clock.now, a.alert_id, a.cause, a.effect, a.severity_level, a.header, a.description,
        a.active_from, a.active_until
    FROM transit.stations AS s
    CROSS JOIN clock
    LEFT JOIN transit.alerts AS a
        ON coalesce(a.active_until, 'infinity'::timestamptz) > clock.now
        AND a.active_from <= clock.now
        AND (a.station_id IS NULL OR a.station_id = s.station_id)
        AND (
            a.route_id IS NULL
            OR a.station_id IS NOT NULL
            OR EXISTS (
                SELECT FROM transit.route_stops AS rs
                WHERE rs.route_id = a.route_id AND rs.station_id = s.station_id
            )
        )
    WHERE s.station_id = p_station_id
    ORDER BY a.active_from DESC, a.alert_id DESC;
$function$;

COMMENT ON FUNCTION api.read_alerts(bigint) IS
'Alerts in force at a station: its own, those of its routes, and those of the system';
