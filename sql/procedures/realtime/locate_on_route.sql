-- How far along its route is a vehicle, in the typical seconds of route_stops.travel_s?
--
-- At least as far as the stop it was last at, at most as far as the next one; in between the
-- coordinates tell, by what is left of the way to the next stop. So a wrong coordinate can
-- spoil a prediction by one segment and no more. A stop that is not in our list counts as the
-- last one before it. Locks nothing; always one row.

CREATE FUNCTION api.locate_on_route(
    p_route_id       bigint,
    p_stop_sequence  integer,
    p_latitude       double precision,
    p_longitude      double precision
)
RETURNS TABLE (travelled_s double precision)
LANGUAGE sql
STABLE
AS $function$
    SELECT
        coalesce(here.travel_s, 0)
        + coalesce(
            (ahead.travel_s - here.travel_s) * (
                1 - least(
                    1,
                    api.distance_m(p_latitude, p_longitude, ahead.latitude, ahead.longitude)
                    / nullif(
                        api.distance_m(
                            here.latitude, here.longitude, ahead.latitude, ahead.longitude
                        ),
                        0
                    )
                )
            ),
            0
        )
    FROM (VALUES (true)) AS one_row (is_there)
    LEFT JOIN LATERAL (
        SELECT rs.travel_s, s.latitude, s.longitude
        FROM transit.route_stops AS rs
        INNER JOIN transit.stations AS s ON rs.station_id = s.station_id
        WHERE rs.route_id = p_route_id AND rs.stop_sequence <= p_stop_sequence
        ORDER BY rs.stop_sequence DESC
        LIMIT 1
    ) AS here ON true
    LEFT JOIN LATERAL (
        SELECT rs.travel_s, s.latitude, s.longitude
        FROM transit.route_stops AS rs
        INNER JOIN transit.stations AS s ON rs.station_id = s.station_id
        WHERE rs.route_id = p_route_id AND rs.stop_sequence > p_stop_sequence
        ORDER BY rs.stop_sequence
        LIMIT 1
    ) AS ahead ON true;
$function$;

COMMENT ON FUNCTION api.locate_on_route(bigint, integer, double precision, double precision) IS
'Typical seconds from the first stop of a route to where a vehicle is';
