-- Takes note of where vehicles are; predictions for the stops ahead of them follow from it.
--
-- An unknown route refuses the whole call, and nothing is taken. An older position never
-- overwrites a newer one, whatever order they arrive in; it counts as accepted all the same.
-- A vehicle whose clock runs ahead is taken to be at most 5 minutes ahead of ours, or it would
-- shut out its own later positions. Locks the vehicles in the order of their ids, so that two
-- feeds with the same vehicles cannot deadlock.

CREATE FUNCTION api.record_vehicle_positions(
    p_ref               integer [],
    p_vehicle_id        bigint [],
    p_route_id          bigint [],
    p_stop_sequence     integer [],
    p_latitude          double precision [],
    p_longitude         double precision [],
    p_recorded_at       timestamptz [],
    p_occupancy_status  text []
)
RETURNS TABLE (outcome text, detail text, accepted integer)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    v_unknown  text;
    v_latest   timestamptz := api.clock_now() + interval '5 minutes';
BEGIN
    SELECT string_agg(DISTINCT named.route_id::text, ', ')
    INTO v_unknown
    FROM unnest(p_route_id) AS named (route_id)
    WHERE NOT EXISTS (SELECT FROM transit.routes AS r WHERE r.route_id = named.route_id);

    IF v_unknown IS NOT NULL THEN
        RETURN QUERY SELECT 'route_not_found', format('There is no route %s.', v_unknown), 0;
        RETURN;
    END IF;

    INSERT INTO transit.vehicles AS v (
        vehicle_id, route_id, stop_sequence, latitude, longitude, travelled_s, recorded_at,
        occupancy_status
    )
    SELECT
        seen.vehicle_id, seen.route_id, seen.stop_sequence, seen.latitude, seen.longitude,
        place.travelled_s, least(seen.recorded_at, v_latest),
        coalesce(seen.occupancy_status, 'NO_DATA_AVAILABLE')
    FROM (
        SELECT DISTINCT ON (p.vehicle_id) p.*
        FROM unnest(
            p_ref, p_vehicle_id, p_route_id, p_stop_sequence, p_latitude, p_longitude,
            p_recorded_at, p_occupancy_status
        ) AS p (
            ref, vehicle_id, route_id, stop_sequence, latitude, longitude, recorded_at,
            occupancy_status
        )
        ORDER BY p.vehicle_id, p.recorded_at DESC, p.ref DESC
    ) AS seen
    CROSS JOIN LATERAL api.locate_on_route(
        seen.route_id, seen.stop_sequence, seen.latitude, seen.longitude
    ) AS place
    ORDER BY seen.vehicle_id
    ON CONFLICT (vehicle_id) DO UPDATE SET
        route_id = excluded.route_id,
        stop_sequence = excluded.stop_sequence,
        latitude = excluded.latitude,
        longitude = excluded.longitude,
        travelled_s = excluded.travelled_s,
        recorded_at = excluded.recorded_at,
        occupancy_status = excluded.occupancy_status
    WHERE v.recorded_at <= excluded.recorded_at;

    RETURN QUERY SELECT 'accepted', NULL::text, cardinality(p_ref);
END;
$function$;

COMMENT ON FUNCTION api.record_vehicle_positions(
    integer [], bigint [], bigint [], integer [], double precision [], double precision [],
    timestamptz [], text []
) IS 'Keeps the latest position of each vehicle; one row answers for the whole call';
