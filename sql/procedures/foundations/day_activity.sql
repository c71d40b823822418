-- All sums by day: what is folded and what is not yet. Several rows a day; sum them.
CREATE VIEW api.day_activity AS
SELECT
    t.on_day, t.trips, t.paid_trips, t.transfers, t.active_users, t.active_cards, t.revenue,
    t.recharged, t.balance, t.debt
FROM transit.daily_totals AS t
UNION ALL
SELECT
    d.on_day, d.trips, d.paid_trips, d.transfers, d.active_users, d.active_cards, d.revenue,
    d.recharged, d.balance, d.debt
FROM transit.activity_deltas AS d;
COMMENT ON VIEW api.day_activity IS 'Rollups by day, exact at any moment; several rows a day';
