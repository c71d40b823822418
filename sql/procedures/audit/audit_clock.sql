-- Invariant I47 (rule 2).
--
-- "Clock: one function of the database gives the service's present time": where it is a simulated
-- one, api.start_simulated_clock began it, at a moment that has come (or will
-- within the hour that a clock may step back).
CREATE FUNCTION api.audit_clock()
RETURNS TABLE (subject text, detail text)
LANGUAGE sql STABLE
AS $$
SELECT
    'clock',
    format('runs since %s from %s, and was started at %s; it is %s',
        c.real_origin, c.simulated_origin, coalesce(c.started_at::text, 'no time'), n.now)
FROM transit.clock AS c
CROSS JOIN (SELECT api.clock_now() AS now) AS n
WHERE
    c.started_at IS NULL
    OR c.started_at > n.now + interval '1 hour'
    OR c.real_origin > clock_timestamp() + interval '1 hour'
$$;
COMMENT ON FUNCTION api.audit_clock() IS 'A simulated clock that nobody started';
