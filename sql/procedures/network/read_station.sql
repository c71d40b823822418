-- Where is this station, and which routes stop there? A route that passes twice is named twice.
-- Locks nothing; no row when there is no such station.

CREATE FUNCTION api.read_station(p_station_id bigint)
RETURNS TABLE (
    station_id  integer,
    code        text,
    name        text,
    kind        text,
    corridor    text,
    locality    text,
    latitude    double precision,
    longitude   double precision,
    active      boolean,
    routes      jsonb
)
LANGUAGE sql
STABLE
AS $function$
    SELECT
        s.station_id, s.code, s.name, s.kind, s.corridor, s.locality, s.latitude, s.longitude,
        s.active,
        (
            SELECT
                coalesce(
                    jsonb_agg(
                        jsonb_build_object(
                            'route_id', r.route_id, 'code', r.code, 'name', r.name,
                            'kind', r.kind, 'stop_sequence', rs.stop_sequence
                        )
                        ORDER BY r.route_id, rs.stop_sequence
                    ),
                    '[]'
                )
            FROM transit.route_stops AS rs
            INNER JOIN transit.routes AS r ON rs.route_id = r.route_id
            WHERE rs.station_id = s.station_id
        )
    FROM transit.stations AS s
    WHERE s.station_id = p_station_id;
$function$;

COMMENT ON FUNCTION api.read_station(bigint) IS 'One station with the routes that serve it';
