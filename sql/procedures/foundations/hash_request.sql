-- What makes two requests the same: the kind of request and its values, not their spelling.
CREATE FUNCTION api.hash_request(VARIADIC p_values text[]) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT md5(p_values::text)::uuid $$;
COMMENT ON FUNCTION api.hash_request(text[]) IS 'The fingerprint that a key is bound to';
