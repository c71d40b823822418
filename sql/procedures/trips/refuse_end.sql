-- Why a trip cannot end at a station and a moment; nothing in all three where it can. p_ended_at
-- where an earlier element of the same call ended it. facts are the times in detail by name.
CREATE FUNCTION api.refuse_end(
    p_trip transit.trips, p_station_is_known boolean, p_at timestamptz, p_now timestamptz,
    p_ended_at timestamptz, OUT outcome text, OUT detail text, OUT facts jsonb
)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    p_ended_at := coalesce(p_ended_at, p_trip.ended_at);
    IF p_trip.trip_id IS NULL THEN
        outcome := 'trip_not_found';
    ELSIF NOT p_station_is_known THEN
        outcome := 'station_not_found';
    ELSIF p_ended_at IS NOT NULL THEN
        outcome := 'trip_already_ended';
        detail := format('The trip ended at %s.', api.format_time(p_ended_at));
        facts := jsonb_build_object('ended_at', api.format_time(p_ended_at));
    ELSIF p_at > p_now + interval '5 minutes' THEN
        outcome := 'tap_in_future';
        detail := format(
            'The end %s lies more than 5 minutes ahead of the clock, %s.',
            api.format_time(p_at), api.format_time(p_now)
        );
        facts := jsonb_build_object(
            'stamped_at', api.format_time(p_at), 'arrived_at', api.format_time(p_now),
            'latest_at', api.format_time(p_now + interval '5 minutes')
        );
    ELSIF p_at < p_trip.tapped_at THEN
        outcome := 'trip_ends_before_start';
        detail := format(
            'The trip started at %s, after %s.', api.format_time(p_trip.tapped_at), api.format_time(p_at)
        );
        facts := jsonb_build_object(
            'started_at', api.format_time(p_trip.tapped_at), 'stamped_at', api.format_time(p_at)
        );
    ELSIF p_at > p_trip.tapped_at + interval '4 hours' THEN
        outcome := 'trip_expired';
        detail := format(
            'The trip started at %s and could be ended within 4 hours.', api.format_time(p_trip.tapped_at)
        );
        facts := jsonb_build_object(
            'started_at', api.format_time(p_trip.tapped_at),
            'expired_at', api.format_time(p_trip.tapped_at + interval '4 hours')
        );
    END IF;
END;
$$;
COMMENT ON FUNCTION api.refuse_end(transit.trips, boolean, timestamptz, timestamptz, timestamptz) IS
'Why a trip cannot end there and then';
