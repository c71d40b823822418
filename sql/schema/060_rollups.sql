-- What analytics reads. Each movement adds one row of deltas in its own transaction (an insert
-- contends with nobody, a shared counter row would); api.fold_rollups sums them into the three
-- rollups in the background. A reader adds both up in one statement and is exact at any moment,
-- and reads as many rows on a busy day as on a quiet one: stations and hours, not trips.

CREATE TABLE transit.activity_deltas (
    on_day       date     NOT NULL,
    hour         smallint,
    station_id   integer,
    trips        integer  NOT NULL DEFAULT 0,
    paid_trips   integer  NOT NULL DEFAULT 0,
    transfers    integer  NOT NULL DEFAULT 0,
    active_users integer  NOT NULL DEFAULT 0,
    active_cards integer  NOT NULL DEFAULT 0,
    revenue      bigint   NOT NULL DEFAULT 0,
    recharged    bigint   NOT NULL DEFAULT 0,
    balance      bigint   NOT NULL DEFAULT 0,
    debt         bigint   NOT NULL DEFAULT 0,
    CONSTRAINT activity_deltas_hour_of_station CHECK ((hour IS NULL) = (station_id IS NULL))
)
WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 2000
);
COMMENT ON TABLE transit.activity_deltas IS 'Changes not yet folded into the rollups';
COMMENT ON COLUMN transit.activity_deltas.on_day IS 'The service day they count on';
COMMENT ON COLUMN transit.activity_deltas.station_id IS 'Null for what happens at no station';

CREATE TABLE transit.station_days (
    on_day     date    NOT NULL,
    station_id integer NOT NULL,
    trips      integer NOT NULL,
    revenue    bigint  NOT NULL,
    CONSTRAINT station_days_pkey PRIMARY KEY (on_day, station_id)
)
WITH (fillfactor = 50);
COMMENT ON TABLE transit.station_days IS 'Trips and revenue by service day and station';

CREATE TABLE transit.day_hours (
    on_day  date     NOT NULL,
    hour    smallint NOT NULL,
    trips   integer  NOT NULL,
    revenue bigint   NOT NULL,
    CONSTRAINT day_hours_pkey PRIMARY KEY (on_day, hour),
    CONSTRAINT day_hours_hour_in_range CHECK (hour BETWEEN 0 AND 23)
)
WITH (fillfactor = 50);
COMMENT ON TABLE transit.day_hours IS 'Trips and revenue by service day and hour';

CREATE TABLE transit.daily_totals (
    on_day       date   NOT NULL,
    trips        bigint NOT NULL,
    paid_trips   bigint NOT NULL,
    transfers    bigint NOT NULL,
    active_users bigint NOT NULL,
    active_cards bigint NOT NULL,
    revenue      bigint NOT NULL,
    recharged    bigint NOT NULL,
    balance      bigint NOT NULL,
    debt         bigint NOT NULL,
    CONSTRAINT daily_totals_pkey PRIMARY KEY (on_day)
)
WITH (fillfactor = 50);
COMMENT ON TABLE transit.daily_totals IS 'All sums of a service day';
COMMENT ON COLUMN transit.daily_totals.active_users IS
'Users whose last active day is this one: the sum over days is exact and counts nobody twice';
COMMENT ON COLUMN transit.daily_totals.balance IS 'Change of all balances; the sum over days is what is outstanding';
