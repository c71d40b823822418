-- Writes what was decided: the trips of accepted taps, and what to remember under their keys.
CREATE FUNCTION api.write_decisions(p_decisions api.decision[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_accepted api.decision[] := ARRAY(
        SELECT d FROM unnest(p_decisions) AS d WHERE (d.trip).trip_id IS NOT NULL
    );
BEGIN
    IF cardinality(v_accepted) > 0 THEN
        PERFORM api.write_trips(v_accepted);
    END IF;
    INSERT INTO transit.idempotency_records
    SELECT (d.record).* FROM unnest(p_decisions) AS d WHERE (d.record).key IS NOT NULL;
END;
$$;
COMMENT ON FUNCTION api.write_decisions(api.decision[]) IS 'Writes decided taps';
