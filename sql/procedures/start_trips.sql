-- The heart: any number of taps, decided in the order of the arrays. A live tap, the upload of a
-- bus that was out of coverage and a tap sent again all come through here.
--
-- Locks the accounts of all cards by id, then the users whose active day moves by id. p_tapped_at
-- null means now; p_route_id, both device fields and p_key may be null; a tap with device fields
-- has its key from these. Answers one row per tap: 'accepted' or the word of its refusal, and
-- the trip.
CREATE FUNCTION api.start_trips(
    p_ref integer[], p_card_id bigint[], p_station_id bigint[], p_route_id bigint[],
    p_tapped_at timestamptz[], p_device_id bigint[], p_device_seq bigint[], p_key text[]
) RETURNS TABLE (
    ref integer, outcome text, detail text, replayed boolean,
    trip_id bigint, card_id bigint, user_id bigint, start_station_id integer,
    end_station_id integer, route_id integer, started_at timestamptz, ended_at timestamptz,
    status text, fare bigint, fare_rule text, journey_id bigint, balance bigint
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_now    timestamptz;
    v_answer api.tap_answer;
BEGIN
    PERFORM api.lock_accounts(p_card_id);
    v_now := api.clock_now();
    FOR i IN 1 .. cardinality(p_ref) LOOP
        v_answer := api.start_trip(ROW(
            p_card_id[i], p_station_id[i], p_route_id[i], p_tapped_at[i],
            p_device_id[i], p_device_seq[i],
            coalesce('d/' || p_device_id[i] || '/' || p_device_seq[i], 'k/' || p_key[i]),
            v_now
        ));
        RETURN QUERY SELECT p_ref[i], v_answer.*;
    END LOOP;
    PERFORM api.note_active_users(p_card_id);
END;
$$;
COMMENT ON FUNCTION api.start_trips(
    integer[], bigint[], bigint[], bigint[], timestamptz[], bigint[], bigint[], text[]
) IS 'Starts trips: one answer per tap';
