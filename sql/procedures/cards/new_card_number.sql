-- A card number that is free: 1, the slot in 4 digits, 10 random ones, the Luhn check digit. The
-- random digits come from a version 4 UUID, which is drawn from the strong generator.
CREATE FUNCTION api.new_card_number(p_slot integer) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    v_number text;
BEGIN
    FOR i IN 1 .. 20 LOOP
        v_number := '1' || lpad(p_slot::text, 4, '0') || lpad((
            ('x' || left(replace(gen_random_uuid()::text, '-', ''), 12))::bit(48)::bigint
            % 10000000000
        )::text, 10, '0');
        v_number := v_number || api.luhn_digit(v_number);
        IF NOT EXISTS (SELECT FROM transit.cards AS c WHERE c.card_number = v_number) THEN
            RETURN v_number;
        END IF;
    END LOOP;
    RAISE EXCEPTION 'slot % has no free card number left', p_slot
        USING ERRCODE = 'program_limit_exceeded';
END;
$$;
COMMENT ON FUNCTION api.new_card_number(integer) IS 'A free 16-digit card number in a slot';
