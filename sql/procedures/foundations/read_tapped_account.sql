-- The account of a card, with what a decision needs to know of it. No row when there is no card.
-- p_locked are the accounts that the call has locked: any other is a serialization failure.
CREATE FUNCTION api.read_tapped_account(p_card_id bigint, p_locked bigint[])
RETURNS SETOF api.tapped_account
LANGUAGE sql STABLE ROWS 1
AS $$
SELECT
    api.require_locked(a.account_id, p_locked), a.card_id, a.user_id, a.profile, a.balance, a.debt,
    a.credit_trip_floor, a.credit_returns_on, a.last_tapped_at, c.last_active_on,
    EXISTS (SELECT FROM transit.card_inactive_periods AS i WHERE i.card_id = c.card_id),
    EXISTS (SELECT FROM transit.monthly_passes AS p WHERE p.account_id = a.account_id)
FROM transit.cards AS c
INNER JOIN transit.accounts AS a ON a.account_id = c.account_id
WHERE c.card_id = p_card_id
$$;
COMMENT ON FUNCTION api.read_tapped_account(bigint, bigint[]) IS 'The locked account behind a card';
