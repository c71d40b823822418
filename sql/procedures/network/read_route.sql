-- How often does this route run, and where does it stop, in order?
-- Locks nothing; no row when there is no such route.

CREATE FUNCTION api.read_route(p_route_id bigint)
RETURNS TABLE (
    route_id   integer,
    code       text,
    name       text,
    kind       text,
    headway_s  integer,
    stations   jsonb
)
LANGUAGE sql
STABLE
AS $function$
    SELECT
        r.route_id, r.code, r.name, r.kind, r.headway_s,
        (
            SELECT
                coalesce(
                    jsonb_agg(
                        jsonb_build_object(
                            'station_id', s.station_id, 'code', s.code, 'name', s.name,
                            'stop_sequence', rs.stop_sequence
                        )
                        ORDER BY rs.stop_sequence
                    ),
                    '[]'
                )
            FROM transit.route_stops AS rs
            INNER JOIN transit.stations AS s ON rs.station_id = s.station_id
            WHERE rs.route_id = r.route_id
        )
    FROM transit.routes AS r
    WHERE r.route_id = p_route_id;
$function$;

COMMENT ON FUNCTION api.read_route(bigint) IS 'One route with its stations in order';
