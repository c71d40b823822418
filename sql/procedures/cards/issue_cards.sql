-- Issues cards, decided in the order of the arrays. p_user_id null is an anonymous card, p_profile
-- null the default: basic without a user, adult with one. Holds the users by id, so that none is
-- erased meanwhile.
CREATE FUNCTION api.issue_cards(p_ref integer[], p_user_id bigint[], p_profile text[])
RETURNS TABLE (
    ref integer, outcome text, detail text,
    card_id bigint, card_number text, user_id bigint, personalised boolean, profile text,
    status text, balance bigint, debt bigint, issued_at timestamptz, replaced_by bigint
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now     timestamptz;
    v_profile text;
    v_card_id bigint;
    v_card    api.card;
BEGIN
    PERFORM FROM transit.users AS u
    WHERE u.user_id = ANY (p_user_id)
    ORDER BY u.user_id
    FOR KEY SHARE;
    v_now := api.clock_now();
    FOR i IN 1 .. cardinality(p_ref) LOOP
        v_profile := coalesce(p_profile[i], CASE WHEN p_user_id[i] IS NULL THEN 'basic' ELSE 'adult' END);
        detail := api.refuse_profile(v_profile, p_user_id[i] IS NOT NULL, v_now);
        v_card := NULL;
        IF p_user_id[i] IS NOT NULL AND NOT EXISTS (SELECT FROM api.read_user(p_user_id[i])) THEN
            outcome := 'user_not_found';
            detail := NULL;
        ELSIF detail IS NOT NULL THEN
            outcome := 'validation_error';
        ELSE
            outcome := 'created';
            v_card_id := api.issue_card(p_user_id[i], v_profile, v_now);
            SELECT c.* INTO v_card FROM api.read_card(v_card_id) AS c;
        END IF;
        RETURN QUERY SELECT p_ref[i], outcome, detail, v_card.*;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION api.issue_cards(integer[], bigint[], text[]) IS 'Issues cards: one answer each';
