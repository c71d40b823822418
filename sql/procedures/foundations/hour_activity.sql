-- Trips and revenue by day and hour: what is folded and what is not yet. Several rows for one key;
-- sum them.
CREATE VIEW api.hour_activity AS
SELECT h.on_day, h.hour, h.trips, h.revenue
FROM transit.day_hours AS h
UNION ALL
SELECT d.on_day, d.hour, d.trips, d.revenue
FROM transit.activity_deltas AS d
WHERE d.hour IS NOT NULL;
COMMENT ON VIEW api.hour_activity IS 'Rollups by day and hour, exact at any moment';
