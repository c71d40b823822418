-- Ends trips, decided in the order of the arrays: no money moves. p_ended_at null means now. Locks
-- the accounts of all trips by id, as a late tap does that prices them again. Answers each trip as
-- it stands after the call, also where its end is refused.
CREATE FUNCTION api.end_trips(
    p_ref integer[], p_trip_id bigint[], p_station_id bigint[], p_ended_at timestamptz[]
) RETURNS TABLE (
    ref integer, outcome text, detail text, facts jsonb,
    trip_id bigint, card_id bigint, user_id bigint, start_station_id integer,
    end_station_id integer, route_id integer, started_at timestamptz, ended_at timestamptz,
    status text, fare bigint, fare_rule text, journey_id bigint, balance bigint
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_locked   bigint[];
    v_now      timestamptz;
    v_at       timestamptz;
    v_end      record;
    v_refusal  record;
    v_outcomes text[] := '{}';
    v_details  text[] := '{}';
    v_facts    jsonb[] := '{}';
    -- Trips that this call ends, and when and where.
    v_trips    bigint[] := '{}';
    v_times    timestamptz[] := '{}';
    v_stations bigint[] := '{}';
BEGIN
    v_locked := api.lock_accounts(
        ARRAY(SELECT t.card_id FROM transit.trips AS t WHERE t.trip_id = ANY (p_trip_id))
    );
    v_now := api.clock_now();
    FOR v_end IN
        SELECT
            u.station_id,
            u.ended_at,
            (SELECT t FROM transit.trips AS t WHERE t.trip_id = u.trip_id) AS trip,
            EXISTS (SELECT FROM transit.stations AS s WHERE s.station_id = u.station_id) AS is_known
        FROM unnest(p_trip_id, p_station_id, p_ended_at)
            WITH ORDINALITY AS u (trip_id, station_id, ended_at, place)
        ORDER BY u.place
    LOOP
        PERFORM api.require_locked((v_end.trip).account_id, v_locked);
        -- A clock that was set back must not let a trip end before it began.
        v_at := coalesce(v_end.ended_at, greatest(v_now, (v_end.trip).tapped_at));
        v_refusal := api.refuse_end(
            v_end.trip, v_end.is_known, v_at, v_now,
            v_times[array_position(v_trips, (v_end.trip).trip_id)]
        );
        IF v_refusal.outcome IS NULL THEN
            v_trips := v_trips || (v_end.trip).trip_id;
            v_times := v_times || v_at;
            v_stations := v_stations || v_end.station_id;
        END IF;
        v_outcomes := v_outcomes || coalesce(v_refusal.outcome, 'accepted');
        v_details := v_details || v_refusal.detail;
        v_facts := array_append(v_facts, v_refusal.facts);
    END LOOP;

    UPDATE transit.trips AS t
    SET ended_at = e.ended_at, end_station_id = e.station_id
    FROM unnest(v_trips, v_times, v_stations) AS e (trip_id, ended_at, station_id)
    WHERE t.trip_id = e.trip_id;
    RETURN QUERY
    SELECT d.ref, d.outcome, d.detail, d.facts, t.*
    FROM unnest(p_ref, p_trip_id, v_outcomes, v_details, v_facts)
        AS d (ref, trip_id, outcome, detail, facts)
    LEFT JOIN LATERAL (
        -- Each trip by its number: joined at once, the whole view would be made first.
        SELECT s.* FROM api.trip AS s WHERE s.trip_id = d.trip_id OFFSET 0
    ) AS t ON true;
END;
$$;
COMMENT ON FUNCTION api.end_trips(integer[], bigint[], bigint[], timestamptz[]) IS
'Ends trips: one answer per end';
