-- How long a text may be that a client fills: the limits of the schemas in transit_api/schemas,
-- kept here too, so that no other way into the database stores a longer one.

ALTER TABLE transit.users
ADD CONSTRAINT users_document_id_is_short CHECK (char_length(document_id) BETWEEN 1 AND 40),
ADD CONSTRAINT users_full_name_is_short CHECK (char_length(full_name) BETWEEN 1 AND 200),
ADD CONSTRAINT users_email_is_short CHECK (char_length(email) BETWEEN 1 AND 254),
ADD CONSTRAINT users_phone_is_short CHECK (char_length(phone) BETWEEN 1 AND 40);

ALTER TABLE transit.accounts
ADD CONSTRAINT accounts_profile_is_short CHECK (char_length(profile) BETWEEN 1 AND 40);

ALTER TABLE transit.card_inactive_periods
ADD CONSTRAINT card_inactive_periods_reason_is_short
CHECK (char_length(reason) BETWEEN 1 AND 200);

ALTER TABLE transit.recharges
ADD CONSTRAINT recharges_channel_is_short CHECK (char_length(channel) BETWEEN 1 AND 40);

ALTER TABLE transit.idempotency_records
ADD CONSTRAINT idempotency_records_key_is_short CHECK (char_length(key) BETWEEN 3 AND 257);

ALTER TABLE transit.alerts
ADD CONSTRAINT alerts_header_is_short CHECK (char_length(header) BETWEEN 1 AND 200),
ADD CONSTRAINT alerts_description_is_short CHECK (char_length(description) BETWEEN 1 AND 4000);
