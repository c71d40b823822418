-- Where a period without use began among the entries of its account. Times cannot say it: a clock
-- that was set back gives what happened later an earlier stamp.
ALTER TABLE transit.card_inactive_periods ADD COLUMN begun_at_entry bigint;
COMMENT ON COLUMN transit.card_inactive_periods.begun_at_entry IS
'An identifier of the ledger''s sequence, drawn under the lock of the account: entries below it were posted before the period began; null for periods older than this column';
