-- Ends a call that met an account which it has not locked. STABLE, although it only raises, so
-- that require_locked can be inlined.
CREATE FUNCTION api.fail_unlocked(p_account_id bigint) RETURNS bigint
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RAISE EXCEPTION 'account % appeared after this call had taken its locks', p_account_id
        USING ERRCODE = 'serialization_failure';
END;
$$;
COMMENT ON FUNCTION api.fail_unlocked(bigint) IS 'Fails for an account without a lock';
