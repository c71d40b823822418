-- What a trip at a station costs a profile at a time: under the tariff in force then, or under
-- the one given (repricing keeps the tariff recorded with the trip). No row for no such station;
-- no fare before the first tariff.
CREATE FUNCTION api.read_fare_terms(
    p_station_id bigint, p_profile text, p_at timestamptz, p_tariff_id integer DEFAULT NULL
) RETURNS SETOF api.fare_terms
LANGUAGE sql STABLE ROWS 1
AS $$
SELECT
    f.tariff_id, s.component,
    CASE s.component
        WHEN 'trunk' THEN f.trunk_fare WHEN 'zonal' THEN f.zonal_fare ELSE f.cable_fare
    END,
    f.transfer_window, f.max_transfers, f.zonal_to_trunk_transfer_fare, f.other_transfer_fare,
    (
        SELECT r.free_trips_per_month
        FROM transit.profiles AS r
        WHERE r.code = p_profile AND r.valid_from <= p_at
        ORDER BY r.valid_from DESC
        LIMIT 1
    )
FROM transit.stations AS s
LEFT JOIN transit.tariffs AS f ON f.tariff_id = coalesce(p_tariff_id, (
    SELECT g.tariff_id
    FROM transit.tariffs AS g
    WHERE g.valid_from <= p_at
    ORDER BY g.valid_from DESC
    LIMIT 1
))
WHERE s.station_id = p_station_id
$$;
COMMENT ON FUNCTION api.read_fare_terms(bigint, text, timestamptz, integer) IS
'Component, fares and transfer terms of a station for a profile at a time';
