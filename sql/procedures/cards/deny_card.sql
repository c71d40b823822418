-- Puts the present status of a card on the deny list with the next version. The row of the
-- version is the last lock of all and is held until the commit.
CREATE FUNCTION api.deny_card(p_card_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_version bigint;
BEGIN
    UPDATE transit.deny_list_version AS v SET version = v.version + 1 RETURNING v.version INTO v_version;
    INSERT INTO transit.deny_list AS d (card_number, action, version)
    SELECT c.card_number, CASE WHEN c.status = 'active' THEN 'remove' ELSE 'add' END, v_version
    FROM transit.cards AS c
    WHERE c.card_id = p_card_id
    ON CONFLICT (card_number) DO UPDATE SET action = excluded.action, version = excluded.version;
END;
$$;
COMMENT ON FUNCTION api.deny_card(bigint) IS 'Records the status of a card on the deny list';
