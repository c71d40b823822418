-- Tells the riders of a station, of a route, of a route at a station, or (naming neither) of the
-- whole system. In force from now on unless it says when; its end must come later.
-- Locks nothing but its own new row.

CREATE FUNCTION api.create_alert(
    p_cause           text,
    p_effect          text,
    p_severity_level  text,
    p_header          text,
    p_description     text,
    p_station_id      bigint,
    p_route_id        bigint,
    p_active_from     timestamptz,
    p_active_until    timestamptz
)
RETURNS TABLE (
    outcome         text,
    alert_id        bigint,
    cause           text,
    effect          text,
    severity_level  text,
    header          text,
    description     text,
    station_id      integer,
    route_id        integer,
    active_from     timestamptz,
    active_until    timestamptz
)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_active_from timestamptz := coalesce(p_active_from, api.clock_now());
BEGIN
    IF p_active_until <= v_active_from THEN
        outcome := 'validation_error';
        RETURN NEXT;
        RETURN;
    END IF;
    IF p_station_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM transit.stations AS s WHERE s.station_id = p_station_id)
    THEN
        outcome := 'station_not_found';
        RETURN NEXT;
        RETURN;
    END IF;
    IF p_route_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM transit.routes AS r WHERE r.route_id = p_route_id)
    THEN
        outcome := 'route_not_found';
        RETURN NEXT;
        RETURN;
    END IF;

    RETURN QUERY
    INSERT INTO transit.alerts AS a (
        cause, effect, severity_level, header, description, station_id, route_id, active_from,
        active_until
    )
    VALUES (
        p_cause, p_effect, p_severity_level, p_header, p_description, p_station_id, p_route_id,
        v_active_from, p_active_until
    )
    RETURNING
        'created', a.alert_id, a.cause, a.effect, a.severity_level, a.header, a.description,
        a.station_id, a.route_id, a.active_from, a.active_until;
END;
$function$;

COMMENT ON FUNCTION api.create_alert(
    text, text, text, text, text, bigint, bigint, timestamptz, timestamptz
) IS 'Opens an alert and answers it, or says which thing it names does not exist';
