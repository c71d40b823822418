-- The types that the procedures hand to each other.

-- One tap as it arrived, named by ref; key is null when the client gave none.
CREATE TYPE api.tap AS (
    ref        integer,
    card_id    bigint,
    station_id bigint,
    route_id   bigint,
    tapped_at  timestamptz,
    device_id  bigint,
    device_seq bigint,
    key        text,
    arrived_at timestamptz
);

-- The account behind a tapped card, as it stands under its lock.
CREATE TYPE api.tapped_account AS (
    account_id        bigint,
    newest_card_id    bigint,
    user_id           bigint,
    profile           text,
    balance           bigint,
    debt              bigint,
    credit_trip_floor bigint,
    credit_returns_on date,
    last_tapped_at    timestamptz,
    card_active_on    date,
    was_inactive      boolean,
    has_pass          boolean
);

-- What a trip from one station costs under one tariff.
CREATE TYPE api.fare_terms AS (
    tariff_id                    integer,
    component                    text,
    full_fare                    bigint,
    transfer_window              interval,
    max_transfers                integer,
    zonal_to_trunk_transfer_fare bigint,
    other_transfer_fare          bigint,
    free_trips                   integer
);

-- What is known of a tap before it is decided: what its key stands for already, the account behind
-- its card and the terms of its station, both null where there is no such thing.
CREATE TYPE api.tap_facts AS (
    tap     api.tap,
    record  transit.idempotency_records,
    account api.tapped_account,
    terms   api.fare_terms
);

-- A journey that a tap may continue, and for how much.
CREATE TYPE api.transfer_offer AS (
    journey_id      bigint,
    transfer_number smallint,
    fare            bigint
);

-- The answer to the tap p_ref names: an outcome and the trip as it is shown to clients. facts are
-- the numbers in detail by name, null where it has none.
CREATE TYPE api.tap_answer AS (
    ref              integer,
    outcome          text,
    detail           text,
    facts            jsonb,
    replayed         boolean,
    trip_id          bigint,
    card_id          bigint,
    user_id          bigint,
    start_station_id integer,
    end_station_id   integer,
    route_id         integer,
    started_at       timestamptz,
    ended_at         timestamptz,
    status           text,
    fare             bigint,
    fare_rule        text,
    journey_id       bigint,
    balance          bigint
);

-- What became of a tap: the answer; the trip to write, with the account as it stood before; and
-- what to remember under its key. Nothing in trip or record where there is nothing to write.
CREATE TYPE api.decision AS (
    answer  api.tap_answer,
    trip    transit.trips,
    account api.tapped_account,
    record  transit.idempotency_records
);

-- A trip before and after it was priced again. change_id numbers the ledger entry and the rule
-- change that come of it, and grows in their order.
CREATE TYPE api.fare_change AS (
    change_id bigint,
    old       transit.trips,
    new       transit.trips
);
