-- The ledger: double entry, append only. One row is one movement between a card and another
-- account (the counterparty); amount is what the card gains and the counterparty loses.
-- The service role cannot write here at all; the procedures only insert.

CREATE SEQUENCE transit.entry_ids;

CREATE TYPE transit.entry_kind AS ENUM (
    'recharge', 'fare', 'fare_correction', 'monthly_pass', 'replacement', 'unclaimed'
);

CREATE TABLE transit.ledger_entries (
    entry_id      bigint             NOT NULL,
    card_id       bigint             NOT NULL,
    amount        transit.cop        NOT NULL,
    balance_after transit.cop        NOT NULL,
    debt_after    transit.cop        NOT NULL,
    reference_id  bigint             NOT NULL,
    posted_at     timestamptz        NOT NULL,
    kind          transit.entry_kind NOT NULL,
    counterparty  text               NOT NULL,
    CONSTRAINT ledger_entries_pkey PRIMARY KEY (card_id, entry_id),
    CONSTRAINT ledger_entries_balance_not_negative CHECK (balance_after >= 0),
    CONSTRAINT ledger_entries_debt_not_negative CHECK (debt_after >= 0),
    CONSTRAINT ledger_entries_balance_or_debt CHECK (balance_after = 0 OR debt_after = 0),
    CONSTRAINT ledger_entries_counterparty_of_kind CHECK (
        CASE kind
            WHEN 'recharge' THEN counterparty LIKE 'cash:_%' AND amount > 0
            WHEN 'fare' THEN counterparty = 'fare_revenue' AND amount <= 0
            WHEN 'fare_correction' THEN counterparty = 'fare_revenue' AND amount <> 0
            WHEN 'monthly_pass' THEN counterparty = 'pass_revenue' AND amount <= 0
            WHEN 'replacement' THEN counterparty = 'replacement'
            WHEN 'unclaimed' THEN counterparty = 'unclaimed' AND amount <> 0
        END
    )
);
COMMENT ON TABLE transit.ledger_entries IS 'Every movement of money, in posting order by card';
COMMENT ON COLUMN transit.ledger_entries.amount IS 'The change of balance - debt of the card';
COMMENT ON COLUMN transit.ledger_entries.reference_id IS
'The cause: a trip, recharge or pass; the other card of a replacement; the card itself if unclaimed';
COMMENT ON COLUMN transit.ledger_entries.counterparty IS
'cash:<channel>, fare_revenue, pass_revenue, unclaimed, or replacement, which clears to 0';

-- Usage: the corrections of a trip
CREATE INDEX ledger_entries_correction_idx
ON transit.ledger_entries (reference_id) WHERE kind = 'fare_correction';
