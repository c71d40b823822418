-- noqa: disable=RF03,LT02,LT08,AM03,LT05
-- One spelling a document (api.canonical_document says which; data does not depend on functions,
-- so it is spelled out here). Where several users turn out to have one document, one keeps it: who has
-- it in that spelling already, else the oldest. The others stay as they were stored and name that
-- user, because which of them is the person is for people to decide, and no card may stop meanwhile.
-- Existing users keep their identifiers, and so their slots.
ALTER TABLE transit.users ADD COLUMN document_clashes_with bigint;
COMMENT ON COLUMN transit.users.document_clashes_with IS
'The user who has the same document, spelled otherwise, since before documents had one spelling';

WITH spelled AS (
    SELECT
        u.user_id, u.document_id, u.created_at,
        normalize(regexp_replace(
            upper(normalize(u.document_id, nfkd) COLLATE "C"),
            '[\u0009-\u000d\u0020\u002d\u002e\u0085\u00a0\u00ad\u00b7\u058a\u05be\u1400\u1680\u1806\u2000-\u200d'
            '\u2010-\u2015\u2024'
            '\u2027-\u2029\u202f\u2043\u205f\u2060\u2212'
            '\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u3000\u3002\u301c\u3030\u30a0\ufe58\ufeff]',
            '', 'g'
        ), nfkc) AS canonical
    FROM transit.users AS u
    WHERE u.document_id IS NOT NULL
),
ranked AS (
    SELECT s.*, first_value(s.user_id) OVER (
        PARTITION BY s.canonical
        ORDER BY s.document_id = s.canonical DESC, s.created_at, s.user_id
    ) AS keeper
    FROM spelled AS s
)
UPDATE transit.users AS u
SET
    document_id = CASE WHEN r.fits AND r.keeper = r.user_id THEN r.canonical ELSE r.document_id END,
    document_clashes_with = CASE WHEN NOT r.fits OR r.keeper <> r.user_id THEN r.keeper END
-- What has no letter and no digit ("...") has no spelling to be brought to: it names itself.
FROM (SELECT *, char_length(canonical) BETWEEN 1 AND 40 AS fits FROM ranked) AS r
WHERE u.user_id = r.user_id AND r.document_id <> r.canonical;

DO $$
DECLARE
    v_clashes bigint := (
        SELECT count(*) FROM transit.users WHERE document_clashes_with IS NOT NULL
    );
BEGIN
    IF v_clashes > 0 THEN
        RAISE NOTICE '% users have the document of another: transit.users.document_clashes_with',
            v_clashes;
    END IF;
END;
$$;

ALTER TABLE transit.users
ADD CONSTRAINT users_document_is_canonical CHECK (
    document_clashes_with IS NOT NULL
    OR document_id = normalize(regexp_replace(
        upper(normalize(document_id, nfkd) COLLATE "C"),
        '[\u0009-\u000d\u0020\u002d\u002e\u0085\u00a0\u00ad\u00b7\u058a\u05be\u1400\u1680\u1806\u2000-\u200d'
        '\u2010-\u2015\u2024'
            '\u2027-\u2029\u202f\u2043\u205f\u2060\u2212'
        '\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u3000\u3002\u301c\u3030\u30a0\ufe58\ufeff]',
        '', 'g'
    ), nfkc)
);
