-- Invariant I26 (rule 3).
--
-- "card_not_active: the card was blocked, replaced or expired at t": the card of a trip belongs to
-- the account that was charged, and no period without use that began before the trip was
-- accepted holds the time of its tap. What came first of the two is told by the identifiers drawn
-- under the lock of the account, because a clock may be set back.
CREATE FUNCTION api.audit_trip_cards(p_account_id bigint)
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'trip ' || t.trip_id,
    format(
        'tapped %s with card %s of account %s and charged to account %s; the card was %s then',
        t.tapped_at, t.card_id, coalesce(c.account_id::text, 'none'), t.account_id,
        coalesce(i.status, 'active')
    )
FROM transit.trips AS t
LEFT JOIN transit.cards AS c ON c.card_id = t.card_id
LEFT JOIN transit.card_inactive_periods AS i
    ON i.card_id = t.card_id AND t.tapped_at >= i.inactive_from AND t.tapped_at < i.inactive_until
    AND t.accepted_at > i.inactive_from
WHERE
    (p_account_id IS NULL OR t.account_id = p_account_id)
    AND (c.account_id IS DISTINCT FROM t.account_id OR i.card_id IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM transit.ledger_entries AS e
        WHERE
            e.card_id = t.card_id AND e.kind = 'fare' AND e.reference_id = t.trip_id
            AND e.entry_id < i.begun_at_entry
    )
$$;
COMMENT ON FUNCTION api.audit_trip_cards(bigint) IS
'Trips with a card of another account, or with one that was not active';
