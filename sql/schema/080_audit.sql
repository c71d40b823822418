-- What only the audit of the books needs.

-- Usage: the audit of one service day (api.audit_trip_entries, api.audit_recharge_entries)
CREATE INDEX ledger_entries_posted_at_idx
ON transit.ledger_entries USING brin (posted_at) WITH (autosummarize = on);
