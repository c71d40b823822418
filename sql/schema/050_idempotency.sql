-- What was decided for each key, so that a request sent again is answered again. Written in the
-- transaction of the decision, kept at least 8 days: longer than a late tap is accepted.
CREATE TABLE transit.idempotency_records (
    card_id      bigint            NOT NULL,
    request_hash uuid              NOT NULL,
    reference_id bigint,
    journey_id   bigint,
    fare         transit.cop,
    balance      transit.cop,
    debt         transit.cop,
    recorded_at  timestamptz       NOT NULL,
    fare_rule    transit.fare_rule,
    key          text              NOT NULL,
    outcome      text              NOT NULL,
    detail       text,
    CONSTRAINT idempotency_records_pkey PRIMARY KEY (card_id, key),
    CONSTRAINT idempotency_records_effect CHECK (
        (outcome IN ('accepted', 'created')) = (reference_id IS NOT NULL)
    )
);
COMMENT ON TABLE transit.idempotency_records IS 'Decisions by key, refusals included';
COMMENT ON COLUMN transit.idempotency_records.card_id IS 'The card of the request: keys are its own';
COMMENT ON COLUMN transit.idempotency_records.key IS 'd/<device_id>/<device_seq> or k/<Idempotency-Key>';
COMMENT ON COLUMN transit.idempotency_records.request_hash IS 'md5 of the kind of request and its values';
COMMENT ON COLUMN transit.idempotency_records.reference_id IS
'The effect: trip, recharge, pass or new card; null for a refusal';

-- Usage: pruning by age
CREATE INDEX idempotency_records_recorded_at_idx
ON transit.idempotency_records USING brin (recorded_at) WITH (autosummarize = on);
