-- Invariant I24 (rule 7, 8, 6).
--
-- "every tap is priced by the row in force at the moment of the tap": a trip at the full fare
-- cost what its tariff asks at the component of its station, a trip on a free trip nothing, and
-- every trip has the tariff that was in force at its tap, neither a later one nor an older. Only a
-- decree that was published late, after the trip was accepted, leaves it the older one.
CREATE FUNCTION api.audit_full_fares(p_account_id bigint, p_on date)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH terms AS (
    SELECT
        g.tariff_id, g.trunk_fare, g.zonal_fare, g.cable_fare, g.valid_from,
        lead(g.valid_from, 1, 'infinity') OVER (ORDER BY g.valid_from) AS valid_until
    FROM transit.tariffs AS g
)
SELECT
    'trip ' || t.trip_id,
    format(
        'fare %s by the rule %s at a %s stop; tariff %s, in force from %s to %s, asks %s',
        t.fare, t.fare_rule, coalesce(s.component, 'unknown'), t.tariff_id, f.valid_from,
        f.valid_until, d.fare
    )
FROM transit.trips AS t
LEFT JOIN transit.stations AS s ON s.station_id = t.start_station_id
LEFT JOIN terms AS f ON f.tariff_id = t.tariff_id
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN t.fare_rule = 'subsidy_pass' THEN 0
        WHEN s.component = 'trunk' THEN f.trunk_fare
        WHEN s.component = 'zonal' THEN f.zonal_fare
        WHEN s.component = 'cable' THEN f.cable_fare
    END AS fare
) AS d
WHERE
    (p_account_id IS NULL OR t.account_id = p_account_id)
    AND (p_on IS NULL OR t.tapped_at >= api.start_of_day(p_on)
        AND t.tapped_at < api.start_of_day(p_on + 1))
    AND (
        t.fare_rule IN ('base', 'credit', 'subsidy_pass') AND t.fare IS DISTINCT FROM d.fare
        OR t.tapped_at >= f.valid_from IS NOT TRUE
        OR t.tapped_at >= f.valid_until
        AND EXISTS (
            SELECT FROM transit.tariffs AS n
            WHERE
                n.valid_from > f.valid_from
                AND n.valid_from <= t.tapped_at
                AND n.published_after_trip < t.trip_id >> 12
        )
    )
$$;
COMMENT ON FUNCTION api.audit_full_fares(bigint, date) IS
'Trips that were charged otherwise than their tariff asks';
