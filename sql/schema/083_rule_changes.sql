-- Each time a trip that was priced again got another rule or another journey. The ledger says how
-- many pesos moved; this says why, and it is all there is to say where none moved (a free trip
-- that becomes a transfer). Append only. No foreign key leads to the trip, as in the ledger: a late
-- tap may change hundreds of trips, each many times, and its check would be dearer than the row.
CREATE TABLE transit.rule_changes (
    trip_id     bigint            NOT NULL,
    change_id   bigint            NOT NULL,
    at          timestamptz       NOT NULL,
    old_journey bigint,
    new_journey bigint,
    old_rule    transit.fare_rule NOT NULL,
    new_rule    transit.fare_rule NOT NULL,
    CONSTRAINT rule_changes_pkey PRIMARY KEY (trip_id, change_id),
    CONSTRAINT rule_changes_something_changed CHECK (
        (old_rule, old_journey) IS DISTINCT FROM (new_rule, new_journey)
    ),
    CONSTRAINT rule_changes_journey_unless_pass CHECK (
        (old_rule = 'monthly_pass') = (old_journey IS NULL)
        AND (new_rule = 'monthly_pass') = (new_journey IS NULL)
    )
);
COMMENT ON TABLE transit.rule_changes IS 'Rules and journeys that trips had before they were priced again';
COMMENT ON COLUMN transit.rule_changes.change_id IS
'Grows with time, from transit.entry_ids: the entry_id of the correction posted with it, if any was';
COMMENT ON COLUMN transit.rule_changes.at IS 'Arrival of the late tap that caused it';
COMMENT ON COLUMN transit.rule_changes.old_journey IS 'The trip that paid before; null on a monthly pass';
COMMENT ON COLUMN transit.rule_changes.new_journey IS 'The trip that pays since; null on a monthly pass';
