-- What the audit and the loader must know of the past, and nothing held so far.

-- When a simulated clock was started, in its own time. Nullable, because a row without it is what
-- the audit looks for: a clock in a database that never started one (api.audit_clock). A clock
-- that runs already was started before this was written down.
ALTER TABLE transit.clock ADD COLUMN started_at timestamptz;
COMMENT ON COLUMN transit.clock.started_at IS
'The simulated moment at which api.start_simulated_clock began it; null: it did not';
UPDATE transit.clock SET started_at = '-infinity';

-- A decree may be published late. What was decided before keeps the older tariff, so the audit asks
-- which trips and entries were numbered before the row came. The slot is not part of the numbers.
ALTER TABLE transit.tariffs
ADD COLUMN published_after_trip bigint NOT NULL
DEFAULT coalesce(pg_sequence_last_value('transit.trip_ids'), 0),
ADD COLUMN published_after_entry bigint NOT NULL
DEFAULT coalesce(pg_sequence_last_value('transit.entry_ids'), 0);
COMMENT ON COLUMN transit.tariffs.published_after_trip IS
'The last number of transit.trip_ids when the row came';
COMMENT ON COLUMN transit.tariffs.published_after_entry IS
'The last number of transit.entry_ids when the row came';
UPDATE transit.tariffs SET published_after_trip = 0, published_after_entry = 0;

-- Which rows come from sql/network: one that is missing there was dropped, while one that a person
-- inserted by hand stays. The next load marks the rows of its files.
ALTER TABLE transit.tariffs ADD COLUMN from_file boolean NOT NULL DEFAULT false;
ALTER TABLE transit.profiles ADD COLUMN from_file boolean NOT NULL DEFAULT false;
ALTER TABLE transit.channels ADD COLUMN from_file boolean NOT NULL DEFAULT false;
ALTER TABLE transit.pass_products ADD COLUMN from_file boolean NOT NULL DEFAULT false;
ALTER TABLE transit.card_limits ADD COLUMN from_file boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN transit.tariffs.from_file IS 'Whether sql/network/tariffs.csv has it';
COMMENT ON COLUMN transit.profiles.from_file IS 'Whether sql/network/profiles.csv has it';
COMMENT ON COLUMN transit.channels.from_file IS 'Whether sql/network/channels.csv has it';
COMMENT ON COLUMN transit.pass_products.from_file IS 'Whether sql/network/pass_products.csv has it';
COMMENT ON COLUMN transit.card_limits.from_file IS 'Whether sql/network/card_limits.csv has it';
