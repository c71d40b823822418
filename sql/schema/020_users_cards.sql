-- Users, accounts and cards.
--
-- Every identifier ends in 12 bits that say where its owner lives: the slot, 0 to 4095, a hash
-- of the document for a user, a random one for an anonymous card. Everything of one user has
-- one slot, and no constraint here reaches across slots, so that the tables can be spread over
-- several servers without a change to the procedures.

CREATE SEQUENCE transit.user_ids;
CREATE SEQUENCE transit.card_ids;

-- A person. Erasure (Ley 1581 de 2012) empties what identifies and keeps the row, so that
-- trips and money stay countable.
CREATE TABLE transit.users (
    user_id        bigint      NOT NULL,
    document_id    text,
    full_name      text,
    email          text,
    phone          text,
    created_at     timestamptz NOT NULL,
    erased_at      timestamptz,
    last_active_on date        NOT NULL DEFAULT '-infinity',
    CONSTRAINT users_pkey PRIMARY KEY (user_id),
    CONSTRAINT users_document_id_key UNIQUE (document_id),
    CONSTRAINT users_known_until_erased CHECK (
        CASE
            WHEN erased_at IS NULL THEN document_id IS NOT NULL AND full_name IS NOT NULL
            ELSE coalesce(document_id, full_name, email, phone) IS NULL
        END
    )
)
WITH (fillfactor = 90);
COMMENT ON TABLE transit.users IS 'Persons who hold personalised cards';
COMMENT ON COLUMN transit.users.last_active_on IS 'The latest service day on which one of the cards took a trip';

-- An account: the money of a card and of those it replaced or was replaced by. Its row is what
-- every movement locks, and the only row that each of them rewrites.
CREATE TABLE transit.accounts (
    account_id        bigint      NOT NULL,
    card_id           bigint      NOT NULL,
    user_id           bigint,
    profile           text        NOT NULL,
    balance           transit.cop NOT NULL DEFAULT 0,
    debt              transit.cop NOT NULL DEFAULT 0,
    credit_trip_floor bigint      NOT NULL DEFAULT 0,
    credit_returns_on date        NOT NULL DEFAULT '-infinity',
    last_tapped_at    timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT accounts_pkey PRIMARY KEY (account_id),
    CONSTRAINT accounts_user_fkey FOREIGN KEY (user_id) REFERENCES transit.users (user_id),
    CONSTRAINT accounts_balance_not_negative CHECK (balance >= 0),
    CONSTRAINT accounts_debt_not_negative CHECK (debt >= 0),
    CONSTRAINT accounts_balance_or_debt CHECK (balance = 0 OR debt = 0)
)
-- Half of each page stays free for the next version of its rows: an update that finds room
-- beside the old version touches no index.
WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE transit.accounts IS 'The money of a card and of the cards it replaced';
COMMENT ON COLUMN transit.accounts.account_id IS 'The card_id of the first card';
COMMENT ON COLUMN transit.accounts.card_id IS 'The newest card, on which money moves';
COMMENT ON COLUMN transit.accounts.credit_trip_floor IS
'Credit trips up to this trip_id were accepted before the debt was last 0 and count no more';
COMMENT ON COLUMN transit.accounts.credit_returns_on IS
'First service day with credit: -infinity not resting, infinity until a recharge that suffices';
COMMENT ON COLUMN transit.accounts.last_tapped_at IS 'Time of the latest accepted tap';

-- Usage: the cards of a user
CREATE INDEX accounts_user_id_idx ON transit.accounts (user_id) WHERE user_id IS NOT NULL;

-- A card as issued, and how it ends. No tap writes here but the first of a day.
CREATE TABLE transit.cards (
    card_id        bigint      NOT NULL,
    account_id     bigint      NOT NULL,
    card_number    text        NOT NULL,
    status         text        NOT NULL DEFAULT 'active',
    issued_at      timestamptz NOT NULL,
    replaced_by    bigint,
    last_active_on date        NOT NULL DEFAULT '-infinity',
    CONSTRAINT cards_pkey PRIMARY KEY (card_id),
    CONSTRAINT cards_card_number_key UNIQUE (card_number),
    CONSTRAINT cards_account_fkey FOREIGN KEY (account_id) REFERENCES transit.accounts (account_id),
    CONSTRAINT cards_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES transit.cards (card_id),
    CONSTRAINT cards_status_known CHECK (status IN ('active', 'blocked', 'replaced', 'expired')),
    CONSTRAINT cards_replaced_by_another CHECK ((status = 'replaced') = (replaced_by IS NOT NULL)),
    CONSTRAINT cards_number_has_16_digits CHECK (card_number ~ '^[0-9]{16}$')
)
WITH (fillfactor = 80);
COMMENT ON TABLE transit.cards IS 'tullave cards: number, status, which account they belong to';
COMMENT ON COLUMN transit.cards.card_number IS
'16 digits: 1, the slot (4), random (10), Luhn check digit';
COMMENT ON COLUMN transit.cards.last_active_on IS 'The latest service day with a trip of this card';

-- Usage: all cards of an account
CREATE INDEX cards_account_id_idx ON transit.cards (account_id);

-- When a card was not active, and why: a tap is judged by the status at its own time.
CREATE TABLE transit.card_inactive_periods (
    period_id      bigint      GENERATED ALWAYS AS IDENTITY,
    card_id        bigint      NOT NULL,
    status         text        NOT NULL,
    reason         text,
    inactive_from  timestamptz NOT NULL,
    inactive_until timestamptz NOT NULL DEFAULT 'infinity',
    CONSTRAINT card_inactive_periods_pkey PRIMARY KEY (period_id),
    CONSTRAINT card_inactive_periods_card_fkey FOREIGN KEY (card_id)
    REFERENCES transit.cards (card_id),
    CONSTRAINT card_inactive_periods_status_known CHECK (
        status IN ('blocked', 'replaced', 'expired')
    ),
    CONSTRAINT card_inactive_periods_in_order CHECK (inactive_until >= inactive_from)
);
COMMENT ON TABLE transit.card_inactive_periods IS 'From the block up to the unblock; replaced and expired for ever';

-- Usage: the status of a card at the time of a tap
CREATE INDEX card_inactive_periods_card_id_idx ON transit.card_inactive_periods (card_id);

-- What validators must know: each card ever denied, with its last change.
CREATE TABLE transit.deny_list (
    card_number text   NOT NULL,
    action      text   NOT NULL,
    version     bigint NOT NULL,
    CONSTRAINT deny_list_pkey PRIMARY KEY (card_number),
    CONSTRAINT deny_list_version_key UNIQUE (version),
    CONSTRAINT deny_list_action_known CHECK (action IN ('add', 'remove'))
);
COMMENT ON TABLE transit.deny_list IS 'One row a card that was ever denied: its last action and the version of it';

-- The number of the last change. Whoever changes the list holds this row until its commit, so
-- versions become visible in their order and a reader never skips one that commits late.
CREATE TABLE transit.deny_list_version (
    one_row boolean NOT NULL DEFAULT true,
    version bigint  NOT NULL,
    CONSTRAINT deny_list_version_pkey PRIMARY KEY (one_row),
    CONSTRAINT deny_list_version_has_one_row CHECK (one_row)
);
COMMENT ON TABLE transit.deny_list_version IS 'The version of the deny list; its row lock orders the changes';
INSERT INTO transit.deny_list_version (version) VALUES (0);
