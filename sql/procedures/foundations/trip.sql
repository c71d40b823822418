-- A trip as clients see it. Its status follows from the clock.
CREATE VIEW api.trip AS
SELECT
    t.trip_id,
    t.card_id,
    a.user_id,
    t.start_station_id,
    t.end_station_id,
    t.route_id,
    t.tapped_at AS started_at,
    t.ended_at,
    api.trip_status(t.tapped_at, t.ended_at, api.clock_now()) AS status,
    t.fare::bigint AS fare,
    t.fare_rule::text AS fare_rule,
    t.journey_id,
    t.balance_after::bigint AS balance
FROM transit.trips AS t
INNER JOIN transit.accounts AS a ON a.account_id = t.account_id;
COMMENT ON VIEW api.trip IS 'Trips as the service answers them';
