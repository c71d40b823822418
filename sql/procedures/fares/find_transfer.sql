-- Rule 5: the open journey is that of the latest trip before this one that was not on a pass (a
-- trip that pays closes the journey before). The offer is null unless its paying trip lies within
-- the window, transfers are left, and the last trip was at another station, on another
-- route, and not trunk to trunk.
CREATE FUNCTION api.find_transfer(p_trip transit.trips, p_terms api.fare_terms)
RETURNS api.transfer_offer
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_offer api.transfer_offer;
BEGIN
    SELECT
        last.journey_id, last.transfer_number + 1,
        CASE
            WHEN s.component = 'zonal' AND p_terms.component IN ('trunk', 'cable')
                THEN p_terms.zonal_to_trunk_transfer_fare
            ELSE p_terms.other_transfer_fare
        END
    INTO v_offer
    FROM (
        SELECT t.journey_id, t.transfer_number, t.start_station_id, t.route_id
        FROM transit.trips AS t
        WHERE
            t.account_id = p_trip.account_id
            AND t.tapped_at > p_trip.tapped_at - p_terms.transfer_window
            AND (t.tapped_at, t.device_id, t.device_seq, t.trip_id)
            < (p_trip.tapped_at, p_trip.device_id, p_trip.device_seq, p_trip.trip_id)
            AND t.pass_id IS NULL
        ORDER BY t.tapped_at DESC, t.device_id DESC, t.device_seq DESC, t.trip_id DESC
        LIMIT 1
    ) AS last
    INNER JOIN transit.trips AS paid ON paid.trip_id = last.journey_id
    INNER JOIN transit.stations AS s ON s.station_id = last.start_station_id
    WHERE
        p_trip.tapped_at < paid.tapped_at + p_terms.transfer_window
        AND last.transfer_number < p_terms.max_transfers
        AND last.start_station_id <> p_trip.start_station_id
        AND last.route_id = p_trip.route_id IS NOT TRUE
        AND NOT (s.component = 'trunk' AND p_terms.component = 'trunk');
    RETURN v_offer;
END;
$$;
COMMENT ON FUNCTION api.find_transfer(transit.trips, api.fare_terms) IS
'The journey that a trip may continue, as which transfer and for how much';
