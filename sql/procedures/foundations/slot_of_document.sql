-- The home of a person: the first 12 bits of the md5 of the canonical document, so that the
-- uniqueness of documents is checked within one slot.
CREATE FUNCTION api.slot_of_document(p_document_id text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ('x' || left(md5(p_document_id), 3))::bit(12)::integer $$;
COMMENT ON FUNCTION api.slot_of_document(text) IS 'The slot (0 to 4095) of the user with a document';
