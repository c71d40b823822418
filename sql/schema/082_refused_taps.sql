-- Taps that were refused when they were decided: what, where and when, as they were sent. A tap
-- that is sent again and answered from memory adds no row. No foreign key anywhere: the card, the
-- station or the route may be the very thing that does not exist. Insert only, kept 90 days.
CREATE TABLE transit.refused_taps (
    card_id    bigint      NOT NULL,
    station_id bigint      NOT NULL,
    route_id   bigint,
    tapped_at  timestamptz NOT NULL,
    arrived_at timestamptz NOT NULL,
    device_id  bigint,
    device_seq bigint,
    outcome    text        NOT NULL,
    CONSTRAINT refused_taps_device_both_or_neither CHECK (
        (device_id IS NULL) = (device_seq IS NULL)
    ),
    CONSTRAINT refused_taps_was_refused CHECK (outcome <> 'accepted')
);
COMMENT ON TABLE transit.refused_taps IS 'Refused taps with their place and time, for 90 days';
COMMENT ON COLUMN transit.refused_taps.card_id IS 'As sent: there may be no such card';
COMMENT ON COLUMN transit.refused_taps.station_id IS 'As sent: there may be no such station';
COMMENT ON COLUMN transit.refused_taps.route_id IS 'As sent; null when the tap named none';
COMMENT ON COLUMN transit.refused_taps.tapped_at IS 'As stamped; its arrival when it had no stamp';
COMMENT ON COLUMN transit.refused_taps.arrived_at IS 'When it was decided';
COMMENT ON COLUMN transit.refused_taps.device_id IS 'The validator; null when the tap named none';
COMMENT ON COLUMN transit.refused_taps.device_seq IS
'The count of the validator; null when the tap named none';
COMMENT ON COLUMN transit.refused_taps.outcome IS 'The error code that it was answered with';

-- Usage: the refusals of a span of time, and pruning by age
CREATE INDEX refused_taps_arrived_at_idx
ON transit.refused_taps USING brin (arrived_at) WITH (autosummarize = on);
