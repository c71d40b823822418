-- The numbers of a refusal by name, kept beside its sentence: a request sent again is answered with
-- the same fields as the first time.
ALTER TABLE transit.idempotency_records
ADD COLUMN facts jsonb,
ADD CONSTRAINT idempotency_records_facts_is_an_object CHECK (jsonb_typeof(facts) = 'object');
COMMENT ON COLUMN transit.idempotency_records.facts IS
'The numbers and times of a refusal by name; null where it has none';
