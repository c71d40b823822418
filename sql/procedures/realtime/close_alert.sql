-- Ends an alert now. One that has ended already stays as it is and is answered all the same.
-- Locks the alert.

CREATE FUNCTION api.close_alert(p_alert_id bigint)
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
BEGIN
    RETURN QUERY
    UPDATE transit.alerts AS a
    SET active_until = greatest(a.active_from, least(a.active_until, api.clock_now()))
    WHERE a.alert_id = p_alert_id
    RETURNING
        'accepted', a.alert_id, a.cause, a.effect, a.severity_level, a.header, a.description,
        a.station_id, a.route_id, a.active_from, a.active_until;

    IF NOT FOUND THEN
        outcome := 'alert_not_found';
        RETURN NEXT;
    END IF;
END;
$function$;

COMMENT ON FUNCTION api.close_alert(bigint) IS 'Closes an alert and answers it';
