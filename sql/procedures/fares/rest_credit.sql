-- Credit after a recharge. A recharge that clears a debt makes it rest, until the first service
-- day after a recharge that leaves no debt and at least one trunk fare (this one may be it).
-- Answers the first service day with credit.
CREATE FUNCTION api.rest_credit(
    p_before api.tapped_account, p_after api.tapped_account, p_now timestamptz
) RETURNS date
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_clears  boolean := p_before.debt > 0 AND p_after.debt = 0;
    v_waits   boolean := p_before.credit_returns_on = 'infinity';
    v_suffices boolean;
BEGIN
    IF NOT v_clears AND NOT v_waits THEN
        RETURN p_before.credit_returns_on;
    END IF;
    SELECT p_after.debt = 0 AND p_after.balance >= f.trunk_fare
    INTO v_suffices
    FROM transit.tariffs AS f
    WHERE f.valid_from <= p_now
    ORDER BY f.valid_from DESC
    LIMIT 1;
    RETURN CASE WHEN v_suffices THEN api.service_day(p_now) + 1 ELSE 'infinity' END;
END;
$$;
COMMENT ON FUNCTION api.rest_credit(api.tapped_account, api.tapped_account, timestamptz) IS
'The first service day with credit after a recharge';
