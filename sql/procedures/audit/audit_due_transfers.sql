-- Invariant I34 (rule 5, 11).
--
-- "priced again as if all had arrived in time order": no trip of a personalised card was charged
-- otherwise where the trip before it, of whatever arrival, made it a transfer. Only a transfer
-- with a price that the balance did not cover on arrival may have been passed over.
CREATE FUNCTION api.audit_due_transfers(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'trip ' || t.trip_id,
    format(
        'charged %s by the rule %s, and transfer %s of journey %s for %s was its due',
        t.fare, t.fare_rule, t.number_before + 1, t.journey_before, d.fare
    )
FROM (
    SELECT
        j.trip_id, j.account_id, j.tapped_at, j.start_station_id, j.route_id, j.tariff_id, j.fare,
        j.fare_rule, j.priced_transfer_declined,
        lag(j.journey_id) OVER by_time AS journey_before,
        lag(j.transfer_number) OVER by_time AS number_before,
        lag(j.start_station_id) OVER by_time AS station_before,
        lag(j.route_id) OVER by_time AS route_before,
        max(j.tapped_at) FILTER (WHERE j.transfer_number = 0) OVER (
            by_time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS paid_before
    FROM transit.trips AS j
    WHERE j.pass_id IS NULL AND (p_account_id IS NULL OR j.account_id = p_account_id)
    WINDOW by_time AS (
        PARTITION BY j.account_id ORDER BY j.tapped_at, j.device_id, j.device_seq, j.trip_id
    )
) AS t
INNER JOIN transit.accounts AS a ON a.account_id = t.account_id AND a.user_id IS NOT NULL
INNER JOIN transit.tariffs AS f ON f.tariff_id = t.tariff_id
INNER JOIN transit.stations AS b ON b.station_id = t.station_before
INNER JOIN transit.stations AS s ON s.station_id = t.start_station_id
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN b.component = 'zonal' AND s.component <> 'zonal'
            THEN f.zonal_to_trunk_transfer_fare
        ELSE f.other_transfer_fare
    END AS fare
) AS d
WHERE
    t.fare_rule <> 'transfer'
    AND t.tapped_at < t.paid_before + f.transfer_window
    AND t.number_before < f.max_transfers
    AND t.station_before <> t.start_station_id
    AND t.route_before = t.route_id IS NOT TRUE
    AND NOT (b.component = 'trunk' AND s.component = 'trunk')
    AND (d.fare = 0 OR NOT t.priced_transfer_declined)
$$;
COMMENT ON FUNCTION api.audit_due_transfers(bigint) IS 'Trips that should have been transfers';
