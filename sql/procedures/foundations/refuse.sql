-- The answer to a refused tap: no trip, no fare, the balance as it is. p_facts are the numbers of
-- p_detail by name.
CREATE FUNCTION api.refuse(
    p_outcome text, p_detail text, p_balance bigint, p_replayed boolean, p_facts jsonb DEFAULT NULL
) RETURNS api.tap_answer
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
    v_answer api.tap_answer;
BEGIN
    v_answer.outcome := p_outcome;
    v_answer.detail := p_detail;
    v_answer.facts := p_facts;
    v_answer.balance := p_balance;
    v_answer.replayed := p_replayed;
    RETURN v_answer;
END;
$$;
COMMENT ON FUNCTION api.refuse(text, text, bigint, boolean, jsonb) IS 'The answer to a refused tap';
