-- Invariant I33 (rule 5).
--
-- "it has a journey whose paying trip started at p with t in [p, p + window); the journey has fewer
-- transfers than the maximum; the card's previous trip of that journey was at another station, on
-- another route (where both taps name one), and not trunk to trunk"; and its fare is that of the
-- direction.
CREATE FUNCTION api.audit_transfers(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'trip ' || t.trip_id,
    format(
        'transfer %s of %s, %s after the trip that paid (of %s), from %s stop %s route %s'
        ' to %s stop %s route %s, for %s (of %s)',
        t.transfer_number, f.max_transfers, t.tapped_at - t.paid_at, f.transfer_window,
        a.component, a.station_id, coalesce(t.route_before::text, 'unknown'),
        s.component, s.station_id, coalesce(t.route_id::text, 'unknown'), t.fare, d.fare
    )
FROM (
    SELECT
        j.trip_id, j.fare_rule, j.transfer_number, j.tariff_id, j.tapped_at, j.fare,
        j.start_station_id, j.route_id,
        first_value(j.tapped_at) OVER journey AS paid_at,
        lag(j.start_station_id) OVER journey AS station_before,
        lag(j.route_id) OVER journey AS route_before
    FROM transit.trips AS j
    WHERE j.pass_id IS NULL AND (p_account_id IS NULL OR j.account_id = p_account_id)
    WINDOW journey AS (PARTITION BY j.journey_id ORDER BY j.transfer_number)
) AS t
INNER JOIN transit.tariffs AS f ON f.tariff_id = t.tariff_id
INNER JOIN transit.stations AS a ON a.station_id = t.station_before
INNER JOIN transit.stations AS s ON s.station_id = t.start_station_id
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN a.component = 'zonal' AND s.component <> 'zonal'
            THEN f.zonal_to_trunk_transfer_fare
        ELSE f.other_transfer_fare
    END AS fare
) AS d
WHERE
    t.fare_rule = 'transfer'
    AND (
        t.tapped_at < t.paid_at
        OR t.tapped_at >= t.paid_at + f.transfer_window
        OR t.transfer_number > f.max_transfers
        OR a.station_id = s.station_id
        OR t.route_before = t.route_id
        OR a.component = 'trunk' AND s.component = 'trunk'
        OR t.fare <> d.fare
    )
$$;
COMMENT ON FUNCTION api.audit_transfers(bigint) IS
'Transfers that the rules do not allow or do not price so';
