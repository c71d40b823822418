-- Invariant I48 (rule 2).
--
-- "everything below that says now or arrival means it": nothing happened after the present time of
-- the service. Its clock may step back, so the next hour says nothing.
CREATE FUNCTION api.audit_future_stamps()
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
WITH stamped AS (
    SELECT 'trip ' || t.trip_id AS subject, t.accepted_at AS happened_at
    FROM transit.trips AS t
    UNION ALL
    SELECT 'entry ' || e.entry_id, e.posted_at
    FROM transit.ledger_entries AS e
    UNION ALL
    SELECT 'recharge ' || r.recharge_id, r.recharged_at
    FROM transit.recharges AS r
    UNION ALL
    SELECT 'pass ' || p.pass_id, p.purchased_at
    FROM transit.monthly_passes AS p
    UNION ALL
    SELECT 'card ' || c.card_id, c.issued_at
    FROM transit.cards AS c
    UNION ALL
    SELECT 'card ' || i.card_id, i.inactive_from
    FROM transit.card_inactive_periods AS i
    UNION ALL
    SELECT 'user ' || u.user_id, greatest(u.created_at, u.erased_at)
    FROM transit.users AS u
    UNION ALL
    SELECT format('key %s of card %s', k.key, k.card_id), k.recorded_at
    FROM transit.idempotency_records AS k
)
SELECT s.subject, format('happened %s, and it is %s', s.happened_at, n.now)
FROM (SELECT api.clock_now() AS now OFFSET 0) AS n
INNER JOIN stamped AS s ON s.happened_at > n.now + interval '1 hour'
$$;
COMMENT ON FUNCTION api.audit_future_stamps() IS 'What has a stamp that has not come yet';
