-- The text without its case and its accents, so that "usaquen" finds Usaquén.
-- An accent may be a character of its own (in files from a Mac), so they are composed first; then
-- letter by letter, because lower() leaves accented capitals alone in the C locale.

CREATE FUNCTION api.fold_text(p_text text)
RETURNS text
LANGUAGE sql
IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(translate(normalize(p_text, nfc), 'áéíóúüñÁÉÍÓÚÜÑ', 'aeiouunaeiouun'));

COMMENT ON FUNCTION api.fold_text(text) IS 'The text in lower case and without accents';
