-- The status of a trip at a moment: it stays open for 4 hours.
CREATE FUNCTION api.trip_status(p_tapped_at timestamptz, p_ended_at timestamptz, p_now timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
SELECT CASE
    WHEN p_ended_at IS NOT NULL THEN 'completed'
    WHEN p_now <= p_tapped_at + interval '4 hours' THEN 'in_progress'
    ELSE 'expired'
END
$$;
COMMENT ON FUNCTION api.trip_status(timestamptz, timestamptz, timestamptz) IS
'completed, in_progress or expired';
