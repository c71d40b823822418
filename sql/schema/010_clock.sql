-- The simulated clock: no row means real time. With its row every stamp and comparison of the
-- service runs from simulated_origin, which stood for the real moment real_origin, at speed.
CREATE TABLE transit.clock (
    one_row          boolean          NOT NULL DEFAULT true,
    simulated_origin timestamptz      NOT NULL,
    real_origin      timestamptz      NOT NULL,
    speed            double precision NOT NULL,
    CONSTRAINT clock_pkey PRIMARY KEY (one_row),
    CONSTRAINT clock_has_one_row CHECK (one_row),
    CONSTRAINT clock_speed_in_range CHECK (speed BETWEEN 0 AND 100000)
);
COMMENT ON TABLE transit.clock IS 'The simulated clock of tests and accelerated runs; empty in production';
COMMENT ON COLUMN transit.clock.speed IS 'Simulated seconds per real second; 0 stands still';
