-- The one spelling of a document: upper case, without dots, spaces and dashes of any script, each
-- character in its plain form. A kind that was given stays in front ("C.C. 1.234-5" is CC12345);
-- nothing is moved, because the letters of a passport belong where they stand. It is decomposed
-- first, so that an accented letter is raised too, and by the rules of "C" alone: those of a
-- locale differ from server to server. The CHECK users_document_is_canonical spells it as well.
CREATE FUNCTION api.canonical_document(p_document_id text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT normalize(regexp_replace(
        upper(normalize(p_document_id, NFKD) COLLATE "C"),
        '[\u0009-\u000d\u0020\u002d\u002e\u0085\u00a0\u00ad\u00b7\u058a\u05be\u1400\u1680\u1806\u2000-\u200d'
        '\u2010-\u2015\u2024\u2027-\u2029\u202f\u2043\u205f\u2060\u2212'
        '\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u3000\u3002\u301c\u3030\u30a0\ufe58\ufeff]',
        '', 'g'
    ), NFKC)
$$;
COMMENT ON FUNCTION api.canonical_document(text) IS 'The spelling under which a document is kept';
