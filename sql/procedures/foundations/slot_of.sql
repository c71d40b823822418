-- Where an identifier lives: its low 12 bits, 0 to 4095.
CREATE FUNCTION api.slot_of(p_id bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (p_id & 4095)::integer $$;
COMMENT ON FUNCTION api.slot_of(bigint) IS 'The slot (0 to 4095) that any identifier carries';
