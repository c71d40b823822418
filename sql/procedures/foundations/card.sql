-- A card as clients see it. Money stands on the newest card of an account; one that was replaced
-- shows none.
CREATE VIEW api.card AS
SELECT
    c.card_id,
    c.card_number,
    a.user_id,
    a.user_id IS NOT NULL AS personalised,
    a.profile,
    c.status,
    CASE WHEN a.card_id = c.card_id THEN a.balance ELSE 0 END::bigint AS balance,
    CASE WHEN a.card_id = c.card_id THEN a.debt ELSE 0 END::bigint AS debt,
    c.issued_at,
    c.replaced_by
FROM transit.cards AS c
INNER JOIN transit.accounts AS a ON a.account_id = c.account_id;
COMMENT ON VIEW api.card IS 'Cards as the service answers them';
