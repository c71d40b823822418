-- Trips and revenue by day and station: what is folded and what is not yet. Several rows for one
-- key; sum them.
CREATE VIEW api.station_activity AS
SELECT s.on_day, s.station_id, s.trips, s.revenue
FROM transit.station_days AS s
UNION ALL
SELECT d.on_day, d.station_id, d.trips, d.revenue
FROM transit.activity_deltas AS d
WHERE d.station_id IS NOT NULL;
COMMENT ON VIEW api.station_activity IS 'Rollups by day and station, exact at any moment';
