-- The next identifier of a sequence in a slot. Under the lock of an account the identifiers of
-- its trips and entries grow in the order of their acceptance.
CREATE FUNCTION api.next_id(p_sequence regclass, p_slot integer) RETURNS bigint
LANGUAGE sql VOLATILE
AS $$ SELECT (nextval(p_sequence) << 12) | p_slot $$;
COMMENT ON FUNCTION api.next_id(regclass, integer) IS 'A new identifier that carries its slot';
