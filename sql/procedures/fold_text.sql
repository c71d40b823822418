-- The text without its case and its accents, so that "usaquen" finds Usaquén.
-- Spelt out letter by letter because lower() leaves accented capitals alone in the C locale.

CREATE FUNCTION api.fold_text(p_text text)
RETURNS text
LANGUAGE sql
IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(translate(p_text, 'áéíóúüñÁÉÍÓÚÜÑ', 'aeiouunaeiouun'));

COMMENT ON FUNCTION api.fold_text(text) IS 'The text in lower case and without accents';
