-- The check digit of a number by the Luhn formula (ISO/IEC 7812-1): from the right, every second
-- digit counts double, digit by digit.
CREATE FUNCTION api.luhn_digit(p_number text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT ((10 - sum(d.value / 10 + d.value % 10) % 10) % 10)::text
FROM (
    SELECT c.digit::integer * (1 + c.position % 2) AS value
    FROM unnest(string_to_array(reverse(p_number), NULL)) WITH ORDINALITY AS c (digit, position)
) AS d
$$;
COMMENT ON FUNCTION api.luhn_digit(text) IS 'The Luhn check digit of a string of digits';
