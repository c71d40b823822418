-- Which vehicles come to this station next?
--
-- Every vehicle on a route that stops here, with the stop still ahead of it, arrives when it was
-- seen plus the typical time for the rest of the way. What should have arrived already is gone,
-- and so is a vehicle that has been silent for 15 minutes: positions come every 20 to 30 seconds,
-- so it is out of coverage or out of service, and its guess would be worth nothing.
-- Soonest first. Locks nothing. No row: no such station; one row with only as_of: nothing comes.

CREATE FUNCTION api.read_arrivals(p_station_id bigint, p_limit integer)
RETURNS TABLE (
    as_of                   timestamptz,
    route_id                integer,
    route_code              text,
    headsign                text,
    vehicle_id              bigint,
    stop_sequence           integer,
    predicted_arrival_time  timestamptz,
    seconds_away            integer,
    stops_away              integer,
    schedule_relationship   text,
    occupancy_status        text
)
LANGUAGE sql
STABLE
AS $function$
    WITH clock AS MATERIALIZED (
        SELECT api.clock_now() AS now
    ),
    coming AS (
        SELECT
            r.route_id, r.code, r.destination, v.vehicle_id, rs.stop_sequence,
            rs.stop_sequence - v.stop_sequence AS stops_away, v.occupancy_status,
            v.recorded_at + (rs.travel_s - v.travelled_s) * interval '1 second' AS arrives_at
        FROM transit.route_stops AS rs
        INNER JOIN transit.routes AS r ON rs.route_id = r.route_id
        INNER JOIN transit.vehicles AS v
            ON rs.route_id = v.route_id AND rs.stop_sequence > v.stop_sequence
        WHERE rs.station_id = p_station_id
            AND v.recorded_at > (SELECT c.now - interval '15 minutes' FROM clock AS c)
            -- Says nothing new, but the index knows it.
            AND v.seen_hour > (SELECT c.now - interval '75 minutes' FROM clock AS c)
    )
    SELECT
        clock.now, next.route_id, next.code, next.destination, next.vehicle_id,
        next.stop_sequence, next.arrives_at,
        ceil(extract(EPOCH FROM next.arrives_at - clock.now))::integer,
        next.stops_away,
        CASE WHEN next.vehicle_id IS NOT NULL THEN 'SCHEDULED' END,
        next.occupancy_status
    FROM transit.stations AS s
    CROSS JOIN clock
    LEFT JOIN LATERAL (
        SELECT coming.*
        FROM coming
        WHERE coming.arrives_at > clock.now
        ORDER BY coming.arrives_at, coming.vehicle_id, coming.stop_sequence
        LIMIT p_limit
    ) AS next ON true
    WHERE s.station_id = p_station_id
    ORDER BY next.arrives_at, next.vehicle_id, next.stop_sequence;
$function$;

COMMENT ON FUNCTION api.read_arrivals(bigint, integer) IS
'Predicted arrivals at a station, soonest first';
