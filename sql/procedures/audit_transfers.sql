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
        'transfer %s of %s, %s after trip %s paid (of %s), from %s stop %s route %s'
        ' to %s stop %s route %s, for %s (of %s)',
        t.transfer_number, f.max_transfers, t.tapped_at - p.tapped_at, p.trip_id, f.transfer_window,
        a.component, a.station_id, coalesce(b.route_id::text, 'unknown'),
        s.component, s.station_id, coalesce(t.route_id::text, 'unknown'), t.fare, d.fare
    )
FROM transit.trips AS t
INNER JOIN transit.tariffs AS f ON f.tariff_id = t.tariff_id
INNER JOIN transit.trips AS p
    ON p.trip_id = t.journey_id AND (p_account_id IS NULL OR p.account_id = p_account_id)
INNER JOIN transit.trips AS b
    ON b.journey_id = t.journey_id AND b.transfer_number = t.transfer_number - 1
    AND (p_account_id IS NULL OR b.account_id = p_account_id)
INNER JOIN transit.stations AS a ON a.station_id = b.start_station_id
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
    AND (p_account_id IS NULL OR t.account_id = p_account_id)
    AND (
        t.tapped_at < p.tapped_at
        OR t.tapped_at >= p.tapped_at + f.transfer_window
        OR t.transfer_number > f.max_transfers
        OR a.station_id = s.station_id
        OR b.route_id = t.route_id
        OR a.component = 'trunk' AND s.component = 'trunk'
        OR t.fare <> d.fare
    )
$$;
COMMENT ON FUNCTION api.audit_transfers(bigint) IS 'Transfers that the rules do not allow or price so';
