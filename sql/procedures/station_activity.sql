-- Trips and revenue by day, hour and station: what is folded and what is not yet. Several rows
-- for one key; sum them.
CREATE VIEW api.station_activity AS
SELECT h.on_day, h.hour, h.station_id, h.trips, h.revenue
FROM transit.station_hours AS h
UNION ALL
SELECT d.on_day, d.hour, d.station_id, d.trips, d.revenue
FROM transit.activity_deltas AS d
WHERE d.station_id IS NOT NULL;
COMMENT ON VIEW api.station_activity IS 'Rollups by station and hour, exact at any moment';
