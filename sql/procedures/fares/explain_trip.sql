-- Why this fare: the tariff of the trip, the rules up to the one that applied, and the corrections
-- that were posted later. No row when there is no such trip.
CREATE FUNCTION api.explain_trip(p_trip_id bigint)
RETURNS TABLE (
    trip_id bigint, tariff jsonb, fare bigint, fare_rule text, steps jsonb, corrections jsonb
)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
DECLARE
    v_trip    transit.trips;
    v_account api.tapped_account;
    v_terms   api.fare_terms;
BEGIN
    SELECT t.* INTO v_trip FROM transit.trips AS t WHERE t.trip_id = p_trip_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- Nothing is decided here, so nothing is locked.
    SELECT a.*
    INTO v_account
    FROM api.read_tapped_account(v_trip.card_id, ARRAY[v_trip.account_id]) AS a;
    SELECT f.*
    INTO v_terms
    FROM api.read_fare_terms(
        v_trip.start_station_id, v_account.profile, v_trip.tapped_at, v_trip.tariff_id
    ) AS f;
    RETURN QUERY
    SELECT
        v_trip.trip_id, api.describe_tariff(v_trip.tariff_id), v_trip.fare::bigint,
        v_trip.fare_rule::text,
        (
            SELECT jsonb_agg(to_jsonb(r))
            FROM api.explain_rules(v_trip, v_account, v_terms) AS r
        ),
        api.list_corrections(p_trip_id);
END;
$$;
COMMENT ON FUNCTION api.explain_trip(bigint) IS 'Why a trip costs what it costs';
