-- What was decided for a key, as it concerns a request: outcome idempotency_key_reused where the
-- key stands for another one.
CREATE FUNCTION api.match_request(p_record transit.idempotency_records, p_request_hash uuid)
RETURNS transit.idempotency_records
LANGUAGE plpgsql IMMUTABLE
AS $$
BEGIN
    IF p_record.request_hash <> p_request_hash THEN
        p_record.outcome := 'idempotency_key_reused';
        p_record.detail := NULL;
        p_record.facts := NULL;
        p_record.reference_id := NULL;
    END IF;
    RETURN p_record;
END;
$$;
COMMENT ON FUNCTION api.match_request(transit.idempotency_records, uuid) IS
'What was decided for a key, if for this request';
