-- Background: sums up to p_limit deltas into the rollups, in one transaction, so that a reader
-- sees them in one place or the other. One folder at a time; answers how many deltas it folded.
CREATE FUNCTION api.fold_rollups(p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('api.fold_rollups')) THEN
        RETURN 0;
    END IF;
    WITH gone AS (
        DELETE FROM transit.activity_deltas AS d
        WHERE d.ctid = ANY (ARRAY(SELECT o.ctid FROM transit.activity_deltas AS o LIMIT p_limit))
        RETURNING d.*
    ),
    by_station AS (
        INSERT INTO transit.station_days AS s
        SELECT g.on_day, g.station_id, sum(g.trips), sum(g.revenue)
        FROM gone AS g
        WHERE g.station_id IS NOT NULL
        GROUP BY g.on_day, g.station_id
        ON CONFLICT (on_day, station_id) DO UPDATE
        SET trips = s.trips + excluded.trips,
            revenue = s.revenue + excluded.revenue
    ),
    by_hour AS (
        INSERT INTO transit.day_hours AS h
        SELECT g.on_day, g.hour, sum(g.trips), sum(g.revenue)
        FROM gone AS g
        WHERE g.hour IS NOT NULL
        GROUP BY g.on_day, g.hour
        ON CONFLICT (on_day, hour) DO UPDATE
        SET trips = h.trips + excluded.trips,
            revenue = h.revenue + excluded.revenue
    ),
    by_day AS (
        INSERT INTO transit.daily_totals AS t
        SELECT
            g.on_day, sum(g.trips), sum(g.paid_trips), sum(g.transfers), sum(g.active_users),
            sum(g.active_cards), sum(g.revenue), sum(g.recharged), sum(g.balance), sum(g.debt)
        FROM gone AS g
        GROUP BY g.on_day
        ON CONFLICT (on_day) DO UPDATE
        SET trips = t.trips + excluded.trips,
            paid_trips = t.paid_trips + excluded.paid_trips,
            transfers = t.transfers + excluded.transfers,
            active_users = t.active_users + excluded.active_users,
            active_cards = t.active_cards + excluded.active_cards,
            revenue = t.revenue + excluded.revenue,
            recharged = t.recharged + excluded.recharged,
            balance = t.balance + excluded.balance,
            debt = t.debt + excluded.debt
    )
    SELECT count(*) INTO v_count FROM gone;
    RETURN v_count;
END;
$$;
COMMENT ON FUNCTION api.fold_rollups(integer) IS 'Folds deltas into the rollups';
