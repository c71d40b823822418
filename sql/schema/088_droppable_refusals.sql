-- Refusals whose key the client chose freely are bounded for each card: api.remember.
ALTER TABLE transit.idempotency_records ADD COLUMN droppable boolean;
COMMENT ON COLUMN transit.idempotency_records.droppable IS
'True for a refused recharge, pass or replacement; null for successes and for every tap';

-- Usage: api.remember finds the refusals of a card that are too many. Partial, so that no success
-- and no tap pays for it.
CREATE INDEX idempotency_records_droppable_idx
ON transit.idempotency_records (card_id, recorded_at DESC) WHERE droppable;
