-- Trips, recharges and monthly passes: what moves money.

CREATE SEQUENCE transit.trip_ids;
CREATE SEQUENCE transit.recharge_ids;
CREATE SEQUENCE transit.pass_ids;

CREATE TYPE transit.fare_rule AS ENUM (
    'base', 'transfer', 'subsidy_pass', 'monthly_pass', 'credit'
);

-- A monthly pass as bought. What is left of it is counted from its trips.
CREATE TABLE transit.monthly_passes (
    pass_id           bigint      NOT NULL,
    account_id        bigint      NOT NULL,
    card_id           bigint      NOT NULL,
    purchased_at      timestamptz NOT NULL,
    price             transit.cop NOT NULL,
    trips             integer     NOT NULL,
    days              integer     NOT NULL,
    max_trips_per_day integer     NOT NULL,
    balance_after     transit.cop NOT NULL,
    CONSTRAINT monthly_passes_pkey PRIMARY KEY (pass_id),
    CONSTRAINT monthly_passes_account_fkey FOREIGN KEY (account_id)
    REFERENCES transit.accounts (account_id)
);
COMMENT ON TABLE transit.monthly_passes IS 'Passes sold, with the terms in force at their purchase';
COMMENT ON COLUMN transit.monthly_passes.card_id IS 'The card that was shown';

-- Usage: the passes of an account in the order of purchase
CREATE INDEX monthly_passes_account_id_idx ON transit.monthly_passes (account_id, purchased_at);

-- A trip: an accepted tap, with the fare and rule that are in force for it now. What was
-- charged, and each later correction, stands in the ledger.
-- No foreign key leads to stations and routes: its check would lock the row of a busy station
-- at every tap. Rows of the network are never deleted, and the procedure looks them up.
CREATE TABLE transit.trips (
    trip_id                  bigint            NOT NULL,
    account_id               bigint            NOT NULL,
    card_id                  bigint            NOT NULL,
    tapped_at                timestamptz       NOT NULL,
    device_id                bigint            NOT NULL DEFAULT 0,
    device_seq               bigint            NOT NULL DEFAULT 0,
    accepted_at              timestamptz       NOT NULL,
    ended_at                 timestamptz,
    journey_id               bigint,
    pass_id                  bigint,
    fare                     transit.cop       NOT NULL,
    balance_after            transit.cop       NOT NULL,
    start_station_id         integer           NOT NULL,
    end_station_id           integer,
    route_id                 integer,
    tariff_id                integer           NOT NULL,
    fare_rule                transit.fare_rule NOT NULL,
    transfer_number          smallint,
    priced_transfer_declined boolean           NOT NULL DEFAULT false,
    CONSTRAINT trips_pkey PRIMARY KEY (trip_id),
    CONSTRAINT trips_fare_not_negative CHECK (fare >= 0),
    CONSTRAINT trips_device_both_or_neither CHECK ((device_id = 0) = (device_seq = 0)),
    CONSTRAINT trips_end_both_or_neither CHECK ((ended_at IS NULL) = (end_station_id IS NULL)),
    CONSTRAINT trips_end_after_start CHECK (ended_at >= tapped_at),
    CONSTRAINT trips_pass_or_journey CHECK (
        CASE fare_rule
            WHEN 'monthly_pass'
                THEN
                    pass_id IS NOT NULL AND journey_id IS NULL AND transfer_number IS NULL
                    AND fare = 0
            WHEN 'transfer'
                THEN
                    pass_id IS NULL AND journey_id <> trip_id AND transfer_number > 0
            ELSE
                pass_id IS NULL AND journey_id = trip_id AND transfer_number = 0
        END
    )
)
-- Room for the end of a trip and for its repricing beside the row they change.
WITH (fillfactor = 90);
COMMENT ON TABLE transit.trips IS 'Accepted taps, with their present fare';
COMMENT ON COLUMN transit.trips.card_id IS 'The card that was tapped';
COMMENT ON COLUMN transit.trips.device_id IS 'The validator; 0 when the tap named none';
COMMENT ON COLUMN transit.trips.device_seq IS 'The count of the validator; 0 when the tap named none';
COMMENT ON COLUMN transit.trips.accepted_at IS 'Arrival, when the tap was decided';
COMMENT ON COLUMN transit.trips.journey_id IS 'The trip that paid; null on a monthly pass';
COMMENT ON COLUMN transit.trips.balance_after IS 'Balance after this tap and the corrections it caused';
COMMENT ON COLUMN transit.trips.transfer_number IS '0 the trip that paid, 1 and up its transfers';
COMMENT ON COLUMN transit.trips.priced_transfer_declined IS
'On arrival the balance did not cover a transfer with a price: repricing offers none again';

-- Usage: the trips of an account in time order (transfers, free trips, repricing, lists)
CREATE INDEX trips_account_id_tapped_at_idx
ON transit.trips (account_id, tapped_at, device_id, device_seq, trip_id);
-- Usage: how often a pass was used, and on a day
CREATE INDEX trips_pass_id_tapped_at_idx ON transit.trips (pass_id, tapped_at)
WHERE pass_id IS NOT NULL;
-- Usage: the credit trips accepted since the debt was last 0
CREATE INDEX trips_credit_idx ON transit.trips (account_id, trip_id) WHERE fare_rule = 'credit';
-- Usage: the audit of one service day
CREATE INDEX trips_tapped_at_idx ON transit.trips USING brin (tapped_at) WITH (autosummarize = on);

-- A recharge: money that came in over a channel.
CREATE TABLE transit.recharges (
    recharge_id       bigint      NOT NULL,
    card_id           bigint      NOT NULL,
    amount            transit.cop NOT NULL,
    debt_repaid       transit.cop NOT NULL,
    balance_after     transit.cop NOT NULL,
    recharged_at      timestamptz NOT NULL,
    recharge_point_id bigint,
    channel           text        NOT NULL,
    CONSTRAINT recharges_pkey PRIMARY KEY (card_id, recharge_id),
    CONSTRAINT recharges_amount_positive CHECK (amount > 0),
    CONSTRAINT recharges_debt_repaid_in_range CHECK (debt_repaid BETWEEN 0 AND amount)
);
COMMENT ON TABLE transit.recharges IS 'Money loaded on cards';

-- Usage: the audit of one day
CREATE INDEX recharges_recharged_at_idx
ON transit.recharges USING brin (recharged_at) WITH (autosummarize = on);
