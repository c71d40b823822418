-- Rule 8: the trips whose present rule is credit, accepted since the debt was last 0.
CREATE FUNCTION api.count_credit_trips(p_account api.tapped_account) RETURNS integer
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN CASE WHEN p_account.debt = 0 THEN 0 ELSE (
        SELECT count(*)
        FROM transit.trips AS t
        WHERE
            t.account_id = p_account.account_id
            AND t.fare_rule = 'credit'
            AND t.trip_id > p_account.credit_trip_floor
    ) END;
END;
$$;
COMMENT ON FUNCTION api.count_credit_trips(api.tapped_account) IS 'Credit trips since the debt was last 0';
