-- Adds new trips to the rollups: their station and hour, and the change of balance and debt.
CREATE FUNCTION api.note_trips(p_decisions api.decision[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    INSERT INTO transit.activity_deltas (
        on_day, hour, station_id, trips, paid_trips, transfers, revenue, balance, debt
    )
    SELECT
        api.service_day((d.trip).tapped_at),
        extract(HOUR FROM (d.trip).tapped_at AT TIME ZONE 'America/Bogota'),
        (d.trip).start_station_id, count(*),
        count(*) FILTER (WHERE (d.trip).fare > 0),
        count(*) FILTER (WHERE (d.trip).fare_rule = 'transfer'),
        sum((d.trip).fare),
        sum(after.balance - (d.account).balance), sum(after.debt - (d.account).debt)
    FROM unnest(p_decisions) AS d
    CROSS JOIN LATERAL api.move_money((d.account).balance, (d.account).debt, -(d.trip).fare) AS after
    GROUP BY 1, 2, 3;
END;
$$;
COMMENT ON FUNCTION api.note_trips(api.decision[]) IS 'Adds new trips to the rollups';
