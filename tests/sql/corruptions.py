"""What can be done to the busy book behind the back of the procedures, and what it offends."""

from dataclasses import dataclass

from tests.sql.books import DAY, DAY_AFTER


@dataclass(frozen=True)
class Corruption:
    """One corruption, the invariant that it offends, and what the audit has to name.

    `sql` and `subjects` name cards, users and trips of the busy book in braces.
    """

    invariant: str
    what: str
    sql: str
    subjects: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.invariant}-{self.what}"


CORRUPTIONS = [
    Corruption(
        "card_balances",
        "a peso more on a card",
        "UPDATE transit.accounts SET balance = balance + 1 WHERE card_id = {card_usual}",
        ("card {card_usual}",),
    ),
    Corruption(
        "card_balances",
        "a debt forgiven",
        "UPDATE transit.accounts SET debt = debt - 1 WHERE card_id = {card_debtors_heir}",
        ("card {card_debtors_heir}",),
    ),
    Corruption(
        "card_balances",
        "the last entry of a card removed",
        "DELETE FROM transit.ledger_entries WHERE reference_id = {trip_anonymous}",
        ("card {card_anonymous}",),
    ),
    Corruption(
        "card_balances",
        "an entry of a card that does not exist",
        "INSERT INTO transit.ledger_entries VALUES"
        " (1, 4095, 5, 5, 0, 1, now(), 'recharge', 'cash:retail')",
        ("card 4095",),
    ),
    Corruption(
        "card_balances",
        "money left on a replaced card",
        "INSERT INTO transit.ledger_entries SELECT entry_id + 4096, card_id, 5, 5, 0, reference_id,"
        " posted_at, 'recharge', 'cash:retail' FROM transit.ledger_entries"
        " WHERE card_id = {card_lost} AND kind = 'replacement'",
        ("card {card_lost}",),
    ),
    Corruption(
        "running_balances",
        "an amount in the middle changed",
        "UPDATE transit.ledger_entries SET amount = amount - 1 WHERE reference_id = {trip_paid}",
        ("card {card_usual}",),
    ),
    Corruption(
        "debt_causes",
        "a full fare that became debt without credit",
        "UPDATE transit.trips SET fare_rule = 'base' WHERE trip_id = {trip_credit}",
        ("card {card_debtor}",),
    ),
    Corruption(
        "debt_causes",
        "a pass bought with money that was not there",
        "INSERT INTO transit.ledger_entries SELECT entry_id + 4096, card_id, -5, 0, debt_after + 5,"
        " reference_id, posted_at, 'monthly_pass', 'pass_revenue' FROM transit.ledger_entries"
        " WHERE card_id = {card_debtors_heir}",
        ("card {card_debtors_heir}",),
    ),
    Corruption(
        "credit_trips",
        "a third trip on credit",
        "WITH ridden AS (INSERT INTO transit.trips SELECT trip_id + 409600, account_id, card_id,"
        " tapped_at, 14, 3, accepted_at, NULL, journey_id + 409600, NULL, fare, 0,"
        " start_station_id, NULL, NULL, tariff_id, fare_rule, 0"
        " FROM transit.trips WHERE trip_id = {trip_credit} RETURNING trip_id)"
        " INSERT INTO transit.ledger_entries SELECT"
        " (SELECT max(entry_id) FROM transit.ledger_entries) + 4096, {card_debtors_heir}, -3550, 0,"
        " 9999, ridden.trip_id, now(), 'fare', 'fare_revenue' FROM ridden",
        ("account {card_debtor}",),
    ),
    Corruption(
        "trip_entries",
        "a fare changed without a correction",
        "UPDATE transit.trips SET fare = 3000 WHERE trip_id = {trip_paid}",
        ("trip {trip_paid}",),
    ),
    Corruption(
        "trip_entries",
        "the entry of a free trip removed",
        "DELETE FROM transit.ledger_entries WHERE reference_id = {trip_transfer}",
        ("trip {trip_transfer}",),
    ),
    Corruption(
        "trip_entries",
        "a trip charged twice, and given back",
        "INSERT INTO transit.ledger_entries SELECT entry_id + step, card_id, amount * sign, 0, 0,"
        " reference_id, posted_at, CASE sign WHEN 1 THEN kind ELSE 'fare_correction' END,"
        " counterparty FROM transit.ledger_entries, (VALUES (1, 1), (2, -1)) AS v (step, sign)"
        " WHERE reference_id = {trip_paid}",
        ("trip {trip_paid}",),
    ),
    Corruption(
        "trip_entries",
        "a trip removed",
        "DELETE FROM transit.trips WHERE trip_id = {trip_anonymous}",
        ("trip {trip_anonymous}",),
    ),
    Corruption(
        "trip_entries",
        "a trip charged to somebody else",
        "UPDATE transit.ledger_entries SET card_id = {card_anonymous}"
        " WHERE reference_id = {trip_paid}",
        ("trip {trip_paid}",),
    ),
    Corruption(
        "trip_entries",
        "a correction removed",
        "DELETE FROM transit.ledger_entries WHERE kind = 'fare_correction'"
        " AND reference_id = {trip_corrected}",
        ("trip {trip_corrected}",),
    ),
    Corruption(
        "recharge_entries",
        "a recharge of another amount",
        "UPDATE transit.recharges SET amount = amount + 1 WHERE card_id = {card_usual}",
        ("recharge {recharge_usual}",),
    ),
    Corruption(
        "recharge_entries",
        "a recharge by another channel",
        "UPDATE transit.recharges SET channel = 'wallet' WHERE card_id = {card_usual}",
        ("recharge {recharge_usual}",),
    ),
    Corruption(
        "recharge_entries",
        "a recharge without its entry",
        "DELETE FROM transit.ledger_entries WHERE kind = 'recharge' AND card_id = {card_usual}",
        ("recharge {recharge_usual}",),
    ),
    Corruption(
        "recharge_entries",
        "an entry without its recharge",
        "DELETE FROM transit.recharges WHERE card_id = {card_usual}",
        ("recharge {recharge_usual}",),
    ),
    Corruption(
        "recharge_entries",
        "a recharge posted twice",
        "INSERT INTO transit.ledger_entries SELECT entry_id + 1, card_id, amount, balance_after,"
        " debt_after, reference_id, posted_at, kind, counterparty FROM transit.ledger_entries"
        " WHERE kind = 'recharge' AND card_id = {card_usual}",
        ("recharge {recharge_usual}",),
    ),
    Corruption(
        "pass_entries",
        "a pass of another price",
        "UPDATE transit.monthly_passes SET price = price - 1 WHERE card_id = {card_commuter}",
        ("pass {pass_commuter}",),
    ),
    Corruption(
        "pass_entries",
        "a pass that was not paid",
        "DELETE FROM transit.ledger_entries WHERE kind = 'monthly_pass'",
        ("pass {pass_commuter}",),
    ),
    Corruption(
        "pass_entries",
        "a pass paid and not there",
        "UPDATE transit.ledger_entries SET reference_id = 4095 WHERE kind = 'monthly_pass'",
        ("pass {pass_commuter}", "pass 4095"),
    ),
    Corruption(
        "replacement_entries",
        "money lost on the way to the new card",
        "UPDATE transit.ledger_entries SET amount = amount - 1, balance_after = balance_after - 1"
        " WHERE kind = 'replacement' AND card_id = {card_heir}",
        ("card {card_lost}",),
    ),
    Corruption(
        "replacement_entries",
        "the entry of the new card removed",
        "DELETE FROM transit.ledger_entries WHERE kind = 'replacement' AND card_id = {card_heir}",
        ("card {card_lost}",),
    ),
    Corruption(
        "replacement_entries",
        "a replacement that the cards know nothing of",
        "UPDATE transit.cards SET replaced_by = NULL, status = 'blocked'"
        " WHERE card_id = {card_lost}",
        ("card {card_lost}",),
    ),
    Corruption(
        "unclaimed_entries",
        "an expired card that lives again",
        "UPDATE transit.cards SET status = 'active' WHERE card_id = {card_forgotten}",
        ("card {card_forgotten}",),
    ),
    Corruption(
        "unclaimed_entries",
        "a part of the balance left",
        "UPDATE transit.ledger_entries SET balance_after = 7 WHERE kind = 'unclaimed'",
        ("card {card_forgotten}",),
    ),
    Corruption(
        "remembered_effects",
        "a remembered trip removed",
        "DELETE FROM transit.trips WHERE trip_id = {trip_credit} OR trip_id = {trip_second_credit}",
        ("key d/14/1 of card {card_debtor}",),
    ),
    Corruption(
        "remembered_effects",
        "a remembered recharge removed",
        "DELETE FROM transit.recharges WHERE card_id = {card_usual}",
        ("key k/recharge-1 of card {card_usual}",),
    ),
    Corruption(
        "remembered_effects",
        "a remembered pass that is somebody else's",
        "UPDATE transit.monthly_passes SET card_id = {card_usual}",
        ("key k/pass-1 of card {card_commuter}",),
    ),
    Corruption(
        "remembered_effects",
        "a remembered new card that replaced nothing",
        "UPDATE transit.cards SET replaced_by = NULL, status = 'blocked'"
        " WHERE card_id = {card_lost}",
        ("key k/replace-1 of card {card_lost}",),
    ),
    Corruption(
        "remembered_fares",
        "another fare in the memory than in the ledger",
        "UPDATE transit.idempotency_records SET fare = 0 WHERE key = 'd/12/1'",
        ("key d/12/1 of card {card_usual}",),
    ),
    Corruption(
        "refused_taps",
        "the place and time of a refused tap removed",
        "DELETE FROM transit.refused_taps WHERE device_id = 14",
        ("key d/14/2 of card {card_debtor}",),
    ),
    Corruption(
        "refused_taps",
        "a refused tap of another outcome",
        "UPDATE transit.refused_taps SET outcome = 'card_not_active' WHERE device_id = 12",
        ("key d/12/3 of card {card_anonymous}",),
    ),
    Corruption(
        "single_keys",
        "a second key for the same trip",
        "INSERT INTO transit.idempotency_records SELECT card_id, request_hash, reference_id,"
        " journey_id, fare, balance, debt, recorded_at, fare_rule, 'k/again', outcome"
        " FROM transit.idempotency_records WHERE key = 'k/tap-1'",
        ("card {card_usual}",),
    ),
    Corruption(
        "device_taps",
        "the memory of a validator's tap removed",
        "DELETE FROM transit.idempotency_records WHERE key = 'd/12/1'",
        ("trip {trip_paid}",),
    ),
    Corruption(
        "device_taps",
        "a refusal that had an effect",
        "UPDATE transit.idempotency_records SET outcome = 'insufficient_balance',"
        " reference_id = NULL WHERE key = 'd/12/1'",
        ("trip {trip_paid}",),
    ),
    Corruption(
        "journeys",
        "a transfer out of its place",
        "UPDATE transit.trips SET transfer_number = 2 WHERE trip_id = {trip_transfer}",
        ("trip {trip_transfer}", "trip {trip_second_transfer}"),
    ),
    Corruption(
        "journeys",
        "a transfer on the journey of another account",
        "UPDATE transit.trips SET journey_id = {trip_anonymous}"
        " WHERE trip_id = {trip_second_transfer}",
        ("trip {trip_second_transfer}",),
    ),
    Corruption(
        "journeys",
        "a transfer on a journey that was never paid",
        "DELETE FROM transit.trips WHERE trip_id = {trip_paid}",
        ("trip {trip_transfer}",),
    ),
    Corruption(
        "rule_changes",
        "a change of rule that led elsewhere",
        "UPDATE transit.rule_changes SET new_rule = 'subsidy_pass'"
        " WHERE trip_id = {trip_corrected}",
        ("trip {trip_corrected}",),
    ),
    Corruption(
        "rule_changes",
        "a change of journey that led elsewhere",
        "UPDATE transit.rule_changes SET new_journey = {trip_paid}"
        " WHERE trip_id = {trip_corrected}",
        ("trip {trip_corrected}",),
    ),
    Corruption(
        "rule_changes",
        "a change of rule in between that nobody made",
        "INSERT INTO transit.rule_changes SELECT trip_id, change_id - 4096, at, old_journey,"
        " new_journey, old_rule, new_rule FROM transit.rule_changes"
        " WHERE trip_id = {trip_corrected}",
        ("trip {trip_corrected}",),
    ),
    Corruption(
        "rule_changes",
        "a change of rule under the number of another entry",
        "UPDATE transit.rule_changes SET change_id = (SELECT e.entry_id FROM"
        " transit.ledger_entries AS e WHERE e.kind = 'fare' AND e.reference_id = {trip_late})"
        " WHERE trip_id = {trip_corrected}",
        ("trip {trip_corrected}",),
    ),
    Corruption(
        "transfers",
        "a transfer after the window",
        "UPDATE transit.trips SET tapped_at = tapped_at + interval '2 hours', ended_at = NULL"
        " WHERE trip_id = {trip_second_transfer}",
        ("trip {trip_second_transfer}",),
    ),
    Corruption(
        "transfers",
        "a transfer at the same stop",
        "UPDATE transit.trips SET start_station_id = (SELECT t.start_station_id"
        " FROM transit.trips AS t WHERE t.trip_id = {trip_transfer})"
        " WHERE trip_id = {trip_second_transfer}",
        ("trip {trip_second_transfer}",),
    ),
    Corruption(
        "transfers",
        "a transfer to the same route",
        "UPDATE transit.trips SET route_id = 101 WHERE trip_id = {trip_transfer}",
        ("trip {trip_transfer}",),
    ),
    Corruption(
        "transfers",
        "a transfer from trunk to trunk",
        "UPDATE transit.trips SET start_station_id = (SELECT max(s.station_id)"
        " FROM transit.stations AS s WHERE s.kind = 'portal')"
        " WHERE trip_id = {trip_second_transfer}",
        ("trip {trip_second_transfer}",),
    ),
    Corruption(
        "transfers",
        "a transfer with a price of its own",
        "UPDATE transit.trips SET fare = 200 WHERE trip_id = {trip_transfer}",
        ("trip {trip_transfer}",),
    ),
    Corruption(
        "transfers",
        "a third transfer",
        "UPDATE transit.tariffs SET max_transfers = 1",
        ("trip {trip_second_transfer}", "trip {trip_after_loss}"),
    ),
    Corruption(
        "full_fares",
        "a fare that no decree knows",
        "UPDATE transit.trips SET fare = 3000 WHERE trip_id = {trip_anonymous}",
        ("trip {trip_anonymous}",),
    ),
    Corruption(
        "full_fares",
        "a free trip that cost something",
        "UPDATE transit.trips SET fare = 1 WHERE trip_id = {trip_free}",
        ("trip {trip_free}",),
    ),
    Corruption(
        "full_fares",
        "a tariff before its time",
        "INSERT INTO transit.tariffs OVERRIDING SYSTEM VALUE SELECT 999, '2030-01-01', trunk_fare,"
        " zonal_fare, cable_fare, transfer_window, max_transfers, zonal_to_trunk_transfer_fare,"
        " other_transfer_fare FROM transit.tariffs WHERE tariff_id = 4;"
        " UPDATE transit.trips SET tariff_id = 999 WHERE trip_id = {trip_anonymous}",
        ("trip {trip_anonymous}",),
    ),
    Corruption(
        "pass_trips",
        "more trips than the pass has",
        "UPDATE transit.monthly_passes SET trips = 1",
        ("trip {trip_second_on_pass}",),
    ),
    Corruption(
        "pass_trips",
        "more trips than a day has",
        "UPDATE transit.monthly_passes SET max_trips_per_day = 1",
        ("trip {trip_second_on_pass}",),
    ),
    Corruption(
        "pass_trips",
        "a trip after the last day of the pass",
        "UPDATE transit.trips SET tapped_at = tapped_at + interval '30 days'"
        " WHERE trip_id = {trip_second_on_pass}",
        ("trip {trip_second_on_pass}",),
    ),
    Corruption(
        "pass_trips",
        "a trip before the pass was bought",
        "UPDATE transit.trips SET tapped_at = tapped_at - interval '1 day'"
        " WHERE trip_id = {trip_on_pass}",
        ("trip {trip_on_pass}",),
    ),
    Corruption(
        "pass_trips",
        "a trip on the pass of another account",
        "UPDATE transit.monthly_passes SET account_id = {card_usual}",
        ("trip {trip_on_pass}", "trip {trip_second_on_pass}"),
    ),
    Corruption(
        "free_trips",
        "a fourth free trip of three",
        "UPDATE transit.trips SET fare_rule = 'subsidy_pass' WHERE trip_id = {trip_not_free}",
        ("trip {trip_not_free}",),
    ),
    Corruption(
        "free_trips",
        "a free trip of a profile that has none",
        "UPDATE transit.trips SET fare_rule = 'subsidy_pass' WHERE trip_id = {trip_anonymous}",
        ("trip {trip_anonymous}",),
    ),
    Corruption(
        "due_transfers",
        "a transfer charged in full",
        "UPDATE transit.trips SET fare_rule = 'base', journey_id = trip_id, transfer_number = 0,"
        " fare = 3550 WHERE trip_id = {trip_transfer}",
        ("trip {trip_transfer}",),
    ),
    Corruption(
        "due_free_trips",
        "a free trip charged in full",
        "UPDATE transit.trips SET fare_rule = 'base', fare = 3550"
        " WHERE trip_id = {trip_second_free}",
        ("trip {trip_second_free}", "trip {trip_not_free}"),
    ),
    Corruption(
        "due_passes",
        "a trip charged in full beside a pass",
        "UPDATE transit.trips SET fare_rule = 'base', journey_id = trip_id, transfer_number = 0,"
        " pass_id = NULL, fare = 3550 WHERE trip_id = {trip_on_pass}",
        ("trip {trip_on_pass}",),
    ),
    Corruption(
        "personalised_trips",
        "credit for an anonymous card",
        "UPDATE transit.trips SET fare_rule = 'credit' WHERE trip_id = {trip_anonymous}",
        ("trip {trip_anonymous}",),
    ),
    Corruption(
        "trip_cards",
        "a trip with a card of another account",
        "UPDATE transit.trips SET card_id = {card_usual} WHERE trip_id = {trip_anonymous}",
        ("trip {trip_anonymous}",),
    ),
    Corruption(
        "trip_cards",
        "a trip with a card that was blocked",
        "INSERT INTO transit.card_inactive_periods (card_id, status, inactive_from, inactive_until)"
        " SELECT t.card_id, 'blocked', t.tapped_at - interval '1 minute', t.tapped_at"
        " + interval '1 minute' FROM transit.trips AS t WHERE t.trip_id = {trip_anonymous}",
        ("trip {trip_anonymous}",),
    ),
    Corruption(
        "account_cards",
        "money that moves on an older card",
        "UPDATE transit.accounts SET card_id = {card_lost} WHERE card_id = {card_heir}",
        ("account {card_lost}",),
    ),
    Corruption(
        "account_cards",
        "a second card on one account",
        "UPDATE transit.cards SET account_id = {card_usual} WHERE card_id = {card_blocked}",
        ("account {card_usual}", "account {card_blocked}"),
    ),
    Corruption(
        "account_cards",
        "a card replaced by one of another account",
        "UPDATE transit.cards SET replaced_by = {card_usual} WHERE card_id = {card_lost}",
        ("account {card_lost}",),
    ),
    Corruption(
        "last_activity",
        "a user last seen another day",
        "UPDATE transit.users SET last_active_on = last_active_on - 1 WHERE user_id = {user_usual}",
        ("user {user_usual}",),
    ),
    Corruption(
        "last_activity",
        "a card last seen another day",
        "UPDATE transit.cards SET last_active_on = '-infinity' WHERE card_id = {card_anonymous}",
        ("card {card_anonymous}",),
    ),
    Corruption(
        "last_activity",
        "an account last tapped at another time",
        "UPDATE transit.accounts SET last_tapped_at = last_tapped_at - interval '1 second'"
        " WHERE account_id = {card_anonymous}",
        ("account {card_anonymous}",),
    ),
    Corruption(
        "card_status",
        "a block lifted behind the back of its period",
        "UPDATE transit.cards SET status = 'active' WHERE card_id = {card_blocked}",
        ("card {card_blocked}",),
    ),
    Corruption(
        "deny_list",
        "a blocked card that validators take",
        "DELETE FROM transit.deny_list AS d USING transit.cards AS c"
        " WHERE c.card_number = d.card_number AND c.card_id = {card_blocked}",
        ("card {card_blocked}",),
    ),
    Corruption(
        "deny_list",
        "an active card that validators refuse",
        "UPDATE transit.deny_list AS d SET action = 'add' FROM transit.cards AS c"
        " WHERE c.card_number = d.card_number AND c.card_id = {card_unblocked}",
        ("card {card_unblocked}",),
    ),
    Corruption(
        "deny_list",
        "a card that was never issued",
        "INSERT INTO transit.deny_list VALUES ('1000000000000009', 'add', 0)",
        ("card number 1000000000000009",),
    ),
    Corruption(
        "activity",
        "a trip more on the folded day of a station",
        "UPDATE transit.station_days SET trips = trips + 1 WHERE station_id = {stop_paid}"
        f" AND on_day = '{DAY}'",
        (f"station {{stop_paid}} on {DAY}",),
    ),
    Corruption(
        "activity",
        "a peso less in a folded hour",
        f"UPDATE transit.day_hours SET revenue = revenue - 1 WHERE on_day = '{DAY}' AND hour = 7",
        (f"hour 7 on {DAY}",),
    ),
    Corruption(
        "activity",
        "a delta lost before it was folded",
        "DELETE FROM transit.activity_deltas WHERE station_id = {stop_paid} AND on_day ="
        f" '{DAY_AFTER}'",
        (f"station {{stop_paid}} on {DAY_AFTER}", f"hour 7 on {DAY_AFTER}"),
    ),
    Corruption(
        "daily_totals",
        "a user counted twice",
        f"UPDATE transit.daily_totals SET active_users = active_users + 1 WHERE on_day = '{DAY}'",
        (f"day {DAY}",),
    ),
    Corruption(
        "daily_totals",
        "a recharge not counted",
        f"UPDATE transit.daily_totals SET recharged = recharged - 1 WHERE on_day = '{DAY}'",
        (f"day {DAY}",),
    ),
    Corruption(
        "daily_totals",
        "revenue of a day without trips",
        "INSERT INTO transit.activity_deltas (on_day, revenue) VALUES ('2027-01-01', 1)",
        ("day 2027-01-01",),
    ),
    Corruption(
        "outstanding_totals",
        "a change of balance not rolled up",
        f"UPDATE transit.daily_totals SET balance = balance - 1 WHERE on_day = '{DAY}'",
        ("all days",),
    ),
    Corruption(
        "ledger_accounts",
        "cash that moved to another channel",
        "UPDATE transit.ledger_entries SET counterparty = 'cash:machine'"
        " WHERE counterparty = 'cash:wallet'",
        ("account cash:machine", "account cash:wallet"),
    ),
    Corruption(
        "ledger_accounts",
        "revenue without a trip",
        "INSERT INTO transit.ledger_entries VALUES"
        " (1, 4095, -5, 0, 5, 1, now(), 'fare', 'fare_revenue')",
        ("account fare_revenue",),
    ),
    Corruption(
        "ledger_accounts",
        "a pass sold for another price",
        "UPDATE transit.monthly_passes SET price = price - 1",
        ("account pass_revenue",),
    ),
    Corruption(
        "ledger_accounts",
        "replacements that do not clear",
        "UPDATE transit.ledger_entries SET amount = amount - 1 WHERE card_id = {card_heir}"
        " AND kind = 'replacement'",
        ("account replacement",),
    ),
    Corruption(
        "sum_of_accounts",
        "money from nowhere",
        "UPDATE transit.accounts SET balance = balance + 1 WHERE card_id = {card_usual}",
        ("all accounts",),
    ),
    Corruption(
        "full_fares",
        "a tariff that was no longer in force",
        "UPDATE transit.trips SET tariff_id = 3 WHERE trip_id = {trip_free}",
        ("trip {trip_free}",),
    ),
    Corruption(
        "recharge_entries",
        "a recharge that repaid another debt",
        "UPDATE transit.recharges SET debt_repaid = 5 WHERE card_id = {card_usual}",
        ("recharge {recharge_usual}",),
    ),
    Corruption(
        "recharge_entries",
        "a recharge of another moment",
        "UPDATE transit.recharges SET recharged_at = recharged_at + interval '1 second' WHERE"
        " card_id = {card_usual}",
        ("recharge {recharge_usual}",),
    ),
    Corruption(
        "pass_entries",
        "a pass that left another balance",
        "UPDATE transit.monthly_passes SET balance_after = 1",
        ("pass {pass_commuter}",),
    ),
    Corruption(
        "deny_list",
        "a card that was never denied",
        "INSERT INTO transit.deny_list SELECT c.card_number, 'remove', 0 FROM transit.cards AS"
        " c WHERE c.card_id = {card_usual}",
        ("card {card_usual}",),
    ),
    Corruption(
        "tap_times",
        "a tap that arrived too late",
        "UPDATE transit.trips SET accepted_at = tapped_at + interval '7 days 1 second' WHERE"
        " trip_id = {trip_paid}",
        ("trip {trip_paid}",),
    ),
    Corruption(
        "tap_times",
        "a tap of the future",
        "UPDATE transit.trips SET accepted_at = tapped_at - interval '5 minutes 1 second' WHERE"
        " trip_id = {trip_paid}",
        ("trip {trip_paid}",),
    ),
    Corruption(
        "recharge_limits",
        "a recharge above the limit of its channel",
        "UPDATE transit.recharges SET amount = 200001 WHERE channel = 'wallet'",
        ("recharge {recharge_late}",),
    ),
    Corruption(
        "recharge_limits",
        "a recharge below the limit of its channel",
        "UPDATE transit.recharges SET amount = 9999 WHERE channel = 'wallet'",
        ("recharge {recharge_late}",),
    ),
    Corruption(
        "recharge_limits",
        "a recharge above the ceiling",
        "UPDATE transit.recharges SET balance_after = 500001 WHERE card_id = {card_usual}",
        ("recharge {recharge_usual}",),
    ),
    Corruption(
        "recharge_limits",
        "a recharge by a channel that does not exist",
        "UPDATE transit.recharges SET channel = 'cheque' WHERE card_id = {card_usual}",
        ("recharge {recharge_usual}",),
    ),
    Corruption(
        "recharge_limits",
        "a recharge of a card that was blocked",
        "INSERT INTO transit.card_inactive_periods (card_id, status, inactive_from,"
        " inactive_until) SELECT r.card_id, 'blocked', r.recharged_at - interval '2 hours',"
        " r.recharged_at + interval '2 hours' FROM transit.recharges AS r WHERE r.card_id ="
        " {card_usual}",
        ("recharge {recharge_usual}",),
    ),
    Corruption(
        "pass_terms",
        "a pass with more trips than the product of its day",
        "UPDATE transit.monthly_passes SET trips = trips + 1",
        ("pass {pass_commuter}",),
    ),
    Corruption(
        "pass_terms",
        "a pass of an anonymous card",
        "UPDATE transit.accounts SET user_id = NULL WHERE card_id = {card_commuter}",
        ("pass {pass_commuter}",),
    ),
    Corruption(
        "pass_terms",
        "a pass of a card that was blocked",
        "INSERT INTO transit.card_inactive_periods (card_id, status, inactive_from,"
        " inactive_until) SELECT p.card_id, 'blocked', p.purchased_at - interval '2 hours',"
        " p.purchased_at + interval '2 hours' FROM transit.monthly_passes AS p",
        ("pass {pass_commuter}",),
    ),
    Corruption(
        "single_passes",
        "a second pass while one is in force",
        "INSERT INTO transit.monthly_passes SELECT pass_id + 4096, account_id, card_id,"
        " purchased_at + interval '2 hours', price, trips, days, max_trips_per_day,"
        " balance_after FROM transit.monthly_passes",
        ("pass {pass_second}",),
    ),
    Corruption(
        "credit_returns",
        "credit that returns too early",
        "UPDATE transit.accounts SET credit_returns_on = '-infinity' WHERE card_id ="
        " {card_resting}",
        ("account {card_resting}",),
    ),
    Corruption(
        "credit_returns",
        "credit that rests without a reason",
        "UPDATE transit.accounts SET credit_returns_on = 'infinity' WHERE card_id = {card_usual}",
        ("account {card_usual}",),
    ),
    Corruption(
        "credit_floors",
        "credit trips that count no more",
        "UPDATE transit.accounts SET credit_trip_floor = credit_trip_floor + 1 WHERE card_id ="
        " {card_debtors_heir}",
        ("account {card_debtor}",),
    ),
    Corruption(
        "credit_floors",
        "a floor under an account that never owed",
        "UPDATE transit.accounts SET credit_trip_floor = 1 WHERE card_id = {card_usual}",
        ("account {card_usual}",),
    ),
    Corruption(
        "credit_grounds",
        "a paid trip relabelled credit",
        "UPDATE transit.trips SET fare_rule = 'credit' WHERE trip_id = {trip_last_paid}",
        ("trip {trip_last_paid}",),
    ),
    Corruption(
        "credit_grounds",
        "a corrected trip relabelled credit",
        "UPDATE transit.trips SET fare_rule = 'credit', journey_id = trip_id, transfer_number ="
        " 0 WHERE trip_id = {trip_corrected}",
        ("trip {trip_corrected}",),
    ),
    Corruption(
        "credit_grounds",
        "a credit trip while credit rested",
        "UPDATE transit.ledger_entries AS e SET entry_id = (SELECT max(g.entry_id) + 4096 FROM"
        " transit.ledger_entries AS g) WHERE e.reference_id = {trip_rested}",
        ("trip {trip_rested}",),
    ),
    Corruption(
        "corrections",
        "a correction without a late tap",
        "INSERT INTO transit.ledger_entries SELECT max(entry_id) + 4096, {card_usual}, 5, 5, 0,"
        " {trip_paid}, now(), 'fare_correction', 'fare_revenue' FROM transit.ledger_entries",
        ("trip {trip_paid}",),
    ),
    Corruption(
        "corrections",
        "a correction of a trip before the late one",
        "UPDATE transit.trips SET tapped_at = tapped_at - interval '1 day', ended_at = NULL"
        " WHERE trip_id = {trip_corrected}",
        ("trip {trip_corrected}",),
    ),
    Corruption(
        "corrections",
        "a correction at another moment",
        "UPDATE transit.ledger_entries SET posted_at = posted_at + interval '1 second' WHERE"
        " kind = 'fare_correction' AND reference_id = {trip_corrected}",
        ("trip {trip_corrected}",),
    ),
    Corruption(
        "trip_balances",
        "another balance after a trip",
        "UPDATE transit.trips SET balance_after = balance_after + 1 WHERE trip_id = {trip_paid}",
        ("trip {trip_paid}",),
    ),
    Corruption(
        "trip_balances",
        "the balance before the corrections of a late trip",
        "UPDATE transit.trips SET balance_after = 10000 - 3550 - 3550 WHERE trip_id = {trip_late}",
        ("trip {trip_late}",),
    ),
    Corruption(
        "entry_times",
        "an entry before the one before it",
        "UPDATE transit.ledger_entries SET posted_at = posted_at - interval '6 years' WHERE"
        " kind = 'unclaimed'",
        ("card {card_forgotten}",),
    ),
    Corruption(
        "entry_times",
        "a fare charged at another moment",
        "UPDATE transit.ledger_entries SET posted_at = posted_at + interval '1 second' WHERE"
        " reference_id = {trip_anonymous}",
        ("card {card_anonymous}",),
    ),
    Corruption(
        "remembered_answers",
        "another balance in the memory",
        "UPDATE transit.idempotency_records SET balance = balance + 1 WHERE key = 'd/12/1'",
        ("key d/12/1 of card {card_usual}",),
    ),
    Corruption(
        "remembered_answers",
        "another rule in the memory",
        "UPDATE transit.idempotency_records SET fare_rule = 'credit' WHERE key = 'd/12/1'",
        ("key d/12/1 of card {card_usual}",),
    ),
    Corruption(
        "remembered_answers",
        "another rule in the memory of a repriced trip",
        "UPDATE transit.idempotency_records SET fare_rule = 'subsidy_pass' WHERE key = 'd/13/2'",
        ("key d/13/2 of card {card_late}",),
    ),
    Corruption(
        "remembered_answers",
        "another journey in the memory",
        "UPDATE transit.idempotency_records SET journey_id = {trip_anonymous} WHERE key = 'd/12/2'",
        ("key d/12/2 of card {card_usual}",),
    ),
    Corruption(
        "remembered_answers",
        "other money in the memory of a replacement",
        "UPDATE transit.idempotency_records SET balance = balance + 1 WHERE key = 'k/replace-1'",
        ("key k/replace-1 of card {card_lost}",),
    ),
    Corruption(
        "remembered_requests",
        "the request of another tap",
        "UPDATE transit.idempotency_records SET request_hash = (SELECT r.request_hash FROM"
        " transit.idempotency_records AS r WHERE r.key = 'd/12/2') WHERE key = 'd/12/1'",
        ("key d/12/1 of card {card_usual}",),
    ),
    Corruption(
        "remembered_requests",
        "the request of another recharge",
        "UPDATE transit.idempotency_records SET request_hash = md5('{{recharge,1}}')::uuid"
        " WHERE key = 'k/recharge-1'",
        ("key k/recharge-1 of card {card_usual}",),
    ),
    Corruption(
        "remembered_requests",
        "the request of another pass",
        "UPDATE transit.idempotency_records SET request_hash = md5('pass')::uuid WHERE key ="
        " 'k/pass-1'",
        ("key k/pass-1 of card {card_commuter}",),
    ),
    Corruption(
        "card_periods",
        "a replacement that ended",
        "UPDATE transit.card_inactive_periods SET inactive_until = inactive_from + interval '1"
        " minute' WHERE card_id = {card_lost}",
        ("card {card_lost}",),
    ),
    Corruption(
        "card_periods",
        "a second period within the first",
        "INSERT INTO transit.card_inactive_periods (card_id, status, inactive_from) SELECT"
        " i.card_id, i.status, i.inactive_from + interval '1 minute' FROM"
        " transit.card_inactive_periods AS i WHERE i.card_id = {card_blocked}",
        ("card {card_blocked}",),
    ),
    Corruption(
        "card_periods",
        "a block before the card was issued",
        "UPDATE transit.card_inactive_periods SET inactive_from = '2020-01-01' WHERE card_id ="
        " {card_blocked}",
        ("card {card_blocked}",),
    ),
    Corruption(
        "card_periods",
        "a replacement before the money moved",
        "UPDATE transit.card_inactive_periods SET inactive_from = inactive_from - interval '61"
        " minutes' WHERE card_id = {card_debtor}",
        ("card {card_debtor}",),
    ),
    Corruption(
        "deny_versions",
        "a change behind its counter",
        "UPDATE transit.deny_list_version SET version = version + 1",
        ("deny list",),
    ),
    Corruption(
        "deny_versions",
        "a change with an older version",
        "UPDATE transit.deny_list SET version = 0 FROM transit.cards AS c WHERE c.card_number ="
        " deny_list.card_number AND c.card_id = {card_blocked}",
        ("card {card_blocked}",),
    ),
    Corruption(
        "clock",
        "a simulated clock that nobody started",
        "DELETE FROM transit.clock; INSERT INTO transit.clock (simulated_origin, real_origin,"
        " speed) VALUES ('2028-03-02 07:40-05', now(), 0)",
        ("clock",),
    ),
    Corruption(
        "clock",
        "a simulated clock that starts later",
        "UPDATE transit.clock SET started_at = simulated_origin + interval '1 day'",
        ("clock",),
    ),
    Corruption(
        "future_stamps",
        "a trip of the future",
        "UPDATE transit.trips SET accepted_at = '2029-01-01' WHERE trip_id = {trip_paid}",
        ("trip {trip_paid}",),
    ),
    Corruption(
        "future_stamps",
        "an entry of the future",
        "UPDATE transit.ledger_entries SET posted_at = '2029-01-01' WHERE reference_id ="
        " {trip_paid}",
        ("entry {entry_paid}",),
    ),
    Corruption(
        "future_stamps",
        "a recharge of the future",
        "UPDATE transit.recharges SET recharged_at = '2029-01-01' WHERE card_id = {card_usual}",
        ("recharge {recharge_usual}",),
    ),
    Corruption(
        "future_stamps",
        "a pass of the future",
        "UPDATE transit.monthly_passes SET purchased_at = '2029-01-01'",
        ("pass {pass_commuter}",),
    ),
    Corruption(
        "future_stamps",
        "a card of the future",
        "UPDATE transit.cards SET issued_at = '2029-01-01' WHERE card_id = {card_usual}",
        ("card {card_usual}",),
    ),
    Corruption(
        "future_stamps",
        "a block of the future",
        "UPDATE transit.card_inactive_periods SET inactive_from = '2029-01-01' WHERE card_id ="
        " {card_blocked}",
        ("card {card_blocked}",),
    ),
    Corruption(
        "future_stamps",
        "a user of the future",
        "UPDATE transit.users SET created_at = '2029-01-01' WHERE user_id = {user_usual}",
        ("user {user_usual}",),
    ),
    Corruption(
        "future_stamps",
        "a key of the future",
        "UPDATE transit.idempotency_records SET recorded_at = '2029-01-01' WHERE key = 'd/12/1'",
        ("key d/12/1 of card {card_usual}",),
    ),
]
