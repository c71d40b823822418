-- Arrivals cost by the vehicles that live, however many were ever seen.
--
-- The hour changes once an hour where recorded_at changes every 20 to 30 seconds, so that nearly
-- all new positions stay HOT updates, which an index on recorded_at would end.
ALTER TABLE transit.vehicles ADD COLUMN seen_hour timestamptz GENERATED ALWAYS AS (
    date_bin('1 hour'::interval, recorded_at, '2000-01-01 00:00:00+00'::timestamptz)
) STORED;
COMMENT ON COLUMN transit.vehicles.seen_hour IS 'The hour of recorded_at, for the index';

-- Usage: api.read_arrivals asks for the living vehicles of a route, api.prune_silent_vehicles for
-- the others.
CREATE INDEX vehicles_route_id_seen_hour_idx ON transit.vehicles (route_id, seen_hour);
DROP INDEX transit.vehicles_route_id_idx;
