"""Small lies about money, one line each: every one of them must make a test fail."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """`line` of a file of sql/procedures, which occurs there once, becomes `replacement`."""

    breaks: str
    file: str
    line: str
    replacement: str
    # Of tests/sql, without `test_`; the first to fail kills it.
    tests: tuple[str, ...]


MUTANTS = [
    # Rules 2 and 3: time and status
    Mutant(
        "a tap exactly 5 minutes ahead is refused",
        "refuse_tap",
        "IF p_tapped_at > p_arrived_at + interval '5 minutes' THEN",
        "IF p_tapped_at >= p_arrived_at + interval '5 minutes' THEN",
        ("start_trips",),
    ),
    Mutant(
        "a tap may be 8 days late",
        "refuse_tap",
        "IF p_tapped_at < p_arrived_at - interval '7 days' THEN",
        "IF p_tapped_at < p_arrived_at - interval '8 days' THEN",
        ("start_trips",),
    ),
    Mutant(
        "the moment of the unblock still counts as blocked",
        "refuse_tap",
        "WHERE i.card_id = p_card_id AND i.inactive_from <= p_tapped_at"
        " AND p_tapped_at < i.inactive_until",
        "WHERE i.card_id = p_card_id AND i.inactive_from <= p_tapped_at"
        " AND p_tapped_at <= i.inactive_until",
        ("start_trips",),
    ),
    Mutant(
        "a decree begins one moment late",
        "read_fare_terms",
        "WHERE g.valid_from <= p_at",
        "WHERE g.valid_from < p_at",
        ("start_trips",),
    ),
    # Rule 4: monthly pass
    Mutant(
        "a 66th trip goes on a pass",
        "find_pass",
        "AND used.trips < m.trips",
        "AND used.trips <= m.trips",
        ("find_pass",),
    ),
    Mutant(
        "a pass bought after a tap arrived takes it over",
        "find_pass",
        "AND m.purchased_at <= least(p_trip.tapped_at, p_trip.accepted_at)",
        "AND m.purchased_at <= p_trip.tapped_at",
        ("find_pass", "reprice_trips_after"),
    ),
    Mutant(
        "a pass lasts one moment too long",
        "find_pass",
        "OR p_trip.tapped_at < used.first_tapped_at + make_interval(hours => 24 * m.days)",
        "OR p_trip.tapped_at <= used.first_tapped_at + make_interval(hours => 24 * m.days)",
        ("find_pass",),
    ),
    Mutant(
        "a seventh trip of a day is accepted",
        "price_tap",
        "IF api.count_pass_trips_of_day(v_pass.pass_id, p_trip, false) < v_pass.max_trips_per_day",
        "IF api.count_pass_trips_of_day(v_pass.pass_id, p_trip, false) <= v_pass.max_trips_per_day",
        ("find_pass",),
    ),
    Mutant(
        "a seventh trip of a day stays on the pass when priced again",
        "price_again",
        "AND api.count_pass_trips_of_day(v_pass.pass_id, p_trip, true) < v_pass.max_trips_per_day",
        "AND api.count_pass_trips_of_day(v_pass.pass_id, p_trip, true) <= v_pass.max_trips_per_day",
        ("reprice_trips_after",),
    ),
    # Rule 5: transfers
    Mutant(
        "the window is one moment too long",
        "find_transfer",
        "p_trip.tapped_at < paid.tapped_at + p_terms.transfer_window",
        "p_trip.tapped_at <= paid.tapped_at + p_terms.transfer_window",
        ("find_transfer",),
    ),
    Mutant(
        "the window counts from the last trip and not from the one that paid",
        "find_transfer",
        "p_trip.tapped_at < paid.tapped_at + p_terms.transfer_window",
        "true",
        ("find_transfer",),
    ),
    Mutant(
        "a third transfer is free",
        "find_transfer",
        "AND last.transfer_number < p_terms.max_transfers",
        "AND last.transfer_number <= p_terms.max_transfers",
        ("find_transfer",),
    ),
    Mutant(
        "a transfer at the same station",
        "find_transfer",
        "AND last.start_station_id <> p_trip.start_station_id",
        "",
        ("find_transfer",),
    ),
    Mutant(
        "a transfer on the same route",
        "find_transfer",
        "AND last.route_id = p_trip.route_id IS NOT TRUE",
        "",
        ("find_transfer",),
    ),
    Mutant(
        "a transfer from trunk to trunk",
        "find_transfer",
        "AND NOT (s.component = 'trunk' AND p_terms.component = 'trunk');",
        ";",
        ("find_transfer",),
    ),
    Mutant(
        "a transfer to the cable has no price",
        "find_transfer",
        "WHEN s.component = 'zonal' AND p_terms.component IN ('trunk', 'cable')",
        "WHEN s.component = 'zonal' AND p_terms.component IN ('trunk')",
        ("find_transfer",),
    ),
    Mutant(
        "a trip on a pass closes the journey",
        "find_transfer",
        "AND t.pass_id IS NULL",
        "",
        ("find_pass",),
    ),
    Mutant(
        "a priced transfer needs one peso more",
        "price_by_time",
        "IF v_offer.fare > 0 AND v_offer.fare > p_money THEN",
        "IF v_offer.fare > 0 AND v_offer.fare >= p_money THEN",
        ("find_transfer",),
    ),
    Mutant(
        "a priced transfer that was declined is offered again",
        "price_by_time",
        "p_trip.priced_transfer_declined := true;",
        "v_offer := NULL;",
        ("reprice_trips_after",),
    ),
    # Rule 6: free trips
    Mutant(
        "one free trip too many",
        "price_by_time",
        "IF p_terms.free_trips > 0 AND api.count_free_trips(p_trip) < p_terms.free_trips THEN",
        "IF p_terms.free_trips > 0 AND api.count_free_trips(p_trip) <= p_terms.free_trips THEN",
        ("count_free_trips",),
    ),
    Mutant(
        "months begin in Greenwich",
        "count_free_trips",
        "AND t.tapped_at >= date_trunc('month', p_trip.tapped_at, 'America/Bogota')",
        "AND t.tapped_at >= date_trunc('month', p_trip.tapped_at, 'UTC')",
        ("count_free_trips",),
    ),
    Mutant(
        "free trips of other months count",
        "count_free_trips",
        "AND t.tapped_at >= date_trunc('month', p_trip.tapped_at, 'America/Bogota')",
        "",
        ("count_free_trips",),
    ),
    # Rules 7 and 8: full fare and credit
    Mutant(
        "a balance of exactly the fare does not pay it",
        "price_tap",
        "IF p_account.balance >= p_trip.fare THEN",
        "IF p_account.balance > p_trip.fare THEN",
        ("start_trips",),
    ),
    Mutant(
        "an anonymous card rides on credit",
        "price_tap",
        "p_account.user_id IS NOT NULL",
        "true",
        ("start_trips",),
    ),
    Mutant(
        "a third trip on credit",
        "price_tap",
        "AND api.count_credit_trips(p_account) < 2",
        "AND api.count_credit_trips(p_account) < 3",
        ("start_trips",),
    ),
    Mutant(
        "credit does not rest",
        "price_tap",
        "AND api.service_day(p_trip.accepted_at) >= p_account.credit_returns_on",
        "",
        ("rest_credit",),
    ),
    Mutant(
        "credit rests by the time of the tap and not by its arrival",
        "price_tap",
        "AND api.service_day(p_trip.accepted_at) >= p_account.credit_returns_on",
        "AND api.service_day(p_trip.tapped_at) >= p_account.credit_returns_on",
        ("rest_credit",),
    ),
    Mutant(
        "a recharge that leaves exactly one fare does not end the rest",
        "rest_credit",
        "SELECT p_after.debt = 0 AND p_after.balance >= f.trunk_fare",
        "SELECT p_after.debt = 0 AND p_after.balance > f.trunk_fare",
        ("rest_credit",),
    ),
    Mutant(
        "credit trips of a debt that was paid back count",
        "write_trips",
        "WHEN a.debt = 0 AND after.debt > 0 THEN (d.trip).trip_id - 1 ELSE a.credit_trip_floor",
        "WHEN a.debt = 0 AND after.debt > 0 THEN 0 ELSE a.credit_trip_floor",
        ("start_trips", "rest_credit"),
    ),
    # Recharges and passes sold
    Mutant(
        "debt is not repaid first",
        "move_money",
        "greatest(p_debt - p_balance - p_amount, 0)",
        "greatest(p_debt, 0)",
        ("recharge_cards",),
    ),
    Mutant(
        "no least amount of a channel",
        "refuse_recharge",
        "ELSIF p_amount NOT BETWEEN v_channel.min_amount AND v_channel.max_amount THEN",
        "ELSIF p_amount > v_channel.max_amount THEN",
        ("recharge_cards",),
    ),
    Mutant(
        "the ceiling itself cannot be reached",
        "refuse_recharge",
        "ELSIF p_account.balance - p_account.debt + p_amount > v_max_balance THEN",
        "ELSIF p_account.balance - p_account.debt + p_amount >= v_max_balance THEN",
        ("recharge_cards",),
    ),
    Mutant(
        "the ceiling looks at the balance before the debt is repaid",
        "refuse_recharge",
        "ELSIF p_account.balance - p_account.debt + p_amount > v_max_balance THEN",
        "ELSIF p_account.balance + p_amount > v_max_balance THEN",
        ("recharge_cards",),
    ),
    Mutant(
        "a second pass while one is in force",
        "find_pass_in_force",
        "AND (u.expires_at IS NULL OR p_now < u.expires_at)",
        "AND p_now < u.expires_at",
        ("buy_monthly_passes",),
    ),
    Mutant(
        "a balance of exactly the price buys no pass",
        "refuse_pass",
        "ELSIF p_account.balance < p_price THEN",
        "ELSIF p_account.balance <= p_price THEN",
        ("buy_monthly_passes",),
    ),
    # Refused taps
    Mutant(
        "a refusal answered from memory is kept again",
        "start_trips",
        "IF (v_decision.answer).outcome <> 'accepted' AND NOT (v_decision.answer).replayed THEN",
        "IF (v_decision.answer).outcome <> 'accepted' THEN",
        ("note_refused_taps",),
    ),
    Mutant(
        "refused taps leave no trace",
        "start_trips",
        "PERFORM api.note_refused_taps(v_refused, v_outcomes);",
        "",
        ("note_refused_taps",),
    ),
    Mutant(
        "a refused tap keeps its arrival and not its stamp",
        "note_refused_taps",
        "r.card_id, r.station_id, r.route_id, coalesce(r.tapped_at, r.arrived_at), r.arrived_at,",
        "r.card_id, r.station_id, r.route_id, r.arrived_at, r.arrived_at,",
        ("note_refused_taps",),
    ),
    Mutant(
        "refused taps are forgotten after 9 days",
        "prune_refused_taps",
        "v_before timestamptz := api.clock_now() - interval '90 days';",
        "v_before timestamptz := api.clock_now() - interval '9 days';",
        ("note_refused_taps",),
    ),
    # Late taps
    Mutant(
        "a tap at the time of the last one reprices nothing",
        "start_trips",
        "IF (v_decision.trip).tapped_at <= v_account.last_tapped_at THEN",
        "IF (v_decision.trip).tapped_at < v_account.last_tapped_at THEN",
        ("reprice_trips_after", "write_decisions"),
    ),
    Mutant(
        "a correction is not posted",
        "change_fare",
        "IF p_new.fare <> p_old.fare THEN",
        "IF false THEN",
        ("reprice_trips_after",),
    ),
    Mutant(
        "a rule that changes within its journey leaves no trace",
        "change_fare",
        "p_new.fare_rule <> p_old.fare_rule",
        "false",
        ("explain_trip",),
    ),
    Mutant(
        "a journey that changes under the same rule leaves no trace",
        "change_fare",
        "OR p_new.journey_id IS DISTINCT FROM p_old.journey_id",
        "",
        ("explain_trip",),
    ),
    Mutant(
        "a correction and the change of its rule are told as two",
        "change_fare",
        "p_at, v_id",
        "p_at, NULL",
        ("explain_trip",),
    ),
    Mutant(
        "repricing stops at the first trip that keeps its price",
        "reprice_trips_after",
        "EXIT WHEN v_old.pass_id IS NULL AND NOT v_touches AND v_free_trips = 0;",
        "EXIT;",
        ("reprice_trips_after",),
    ),
    Mutant(
        "repricing stops although a free trip changed hands",
        "reprice_trips_after",
        "EXIT WHEN v_old.pass_id IS NULL AND NOT v_touches AND v_free_trips = 0;",
        "EXIT WHEN v_old.pass_id IS NULL AND NOT v_touches;",
        ("reprice_trips_after",),
    ),
    Mutant(
        "a late tap is priced again by the tariff of today",
        "price_again",
        "p_trip.start_station_id, p_account.profile, p_trip.tapped_at, p_trip.tariff_id",
        "p_trip.start_station_id, p_account.profile, p_trip.tapped_at, NULL",
        ("reprice_trips_after",),
    ),
    Mutant(
        "a credit trip that is priced again shows base",
        "price_again",
        "p_trip.fare_rule := CASE WHEN v_rule = 'credit' THEN v_rule ELSE 'base' END;",
        "p_trip.fare_rule := 'base';",
        ("reprice_trips_after",),
    ),
    Mutant(
        "the debt of a correction counts the credit trips of a paid one",
        "write_late_trip",
        "SET credit_trip_floor = v_trip.trip_id - 1",
        "SET credit_trip_floor = a.credit_trip_floor",
        ("reprice_trips_after",),
    ),
    Mutant(
        "a late tap is answered with the balance before its corrections",
        "write_late_trip",
        "p_decision.answer.balance := v_after.balance;",
        "",
        ("reprice_trips_after",),
    ),
    Mutant(
        "two taps of an account in one call both see the balance before them",
        "start_trips",
        "IF v_account.account_id = ANY (v_seen) THEN",
        "IF false THEN",
        ("start_trips", "write_decisions"),
    ),
    # Requests sent again
    Mutant(
        "the key of a tap is not looked up",
        "start_trip",
        "IF (p_facts.record).key IS NOT NULL THEN",
        "IF false THEN",
        ("replay_tap",),
    ),
    Mutant(
        "the refusal of a tap is not remembered",
        "start_trip",
        "IF (v_decision.answer).outcome NOT IN ('station_not_found', 'route_not_found') THEN",
        "IF (v_decision.answer).outcome = 'accepted' THEN",
        ("replay_tap",),
    ),
    Mutant(
        "a key serves any request",
        "match_request",
        "IF p_record.request_hash <> p_request_hash THEN",
        "IF false THEN",
        ("replay_tap",),
    ),
    Mutant(
        "a replay shows the fare of now",
        "replay_tap",
        "v_trip.fare := p_record.fare;",
        "",
        ("replay_tap",),
    ),
    Mutant(
        "a replay shows the balance before the corrections of its tap",
        "write_late_trip",
        "p_decision.record.balance := v_after.balance;",
        "",
        ("replay_tap",),
    ),
    # Locks
    Mutant(
        "no account is locked",
        "lock_accounts",
        "FOR NO KEY UPDATE;",
        ";",
        ("races",),
    ),
    Mutant(
        "accounts are locked in the order of the request",
        "lock_accounts",
        "ORDER BY a.account_id",
        "ORDER BY array_position(p_card_id, a.account_id)",
        ("races",),
    ),
    Mutant(
        "a version of the deny list is taken without its lock",
        "deny_card",
        "UPDATE transit.deny_list_version AS v"
        " SET version = v.version + 1 RETURNING v.version INTO v_version;",
        "v_version := nextval('transit.entry_ids');",
        ("read_deny_list",),
    ),
    Mutant(
        "an erasure does not hold the accounts",
        "erase_user",
        "PERFORM api.lock_accounts(v_locked);",
        "",
        ("races",),
    ),
    # Cards and books
    Mutant(
        "a person with a debt is erased",
        "erase_user",
        "IF v_open.balance > 0 OR v_open.debt > 0 THEN",
        "IF v_open.balance > 0 THEN",
        ("erase_user",),
    ),
    Mutant(
        "reasons outlive an erasure",
        "erase_user",
        "SET reason = NULL",
        "SET reason = i.reason",
        ("erase_user",),
    ),
    Mutant(
        "a replacement leaves the debt behind",
        "replace_card",
        "v_moved   bigint := p_account.balance - p_account.debt;",
        "v_moved   bigint := p_account.balance;",
        ("replace_cards",),
    ),
    Mutant(
        "a trip is charged to the card that was tapped and not to the newest",
        "write_trips",
        "(d.account).newest_card_id, 'fare', 'fare_revenue', -(d.trip).fare,"
        " after.balance, after.debt,",
        "(d.trip).card_id, 'fare', 'fare_revenue', -(d.trip).fare, after.balance, after.debt,",
        ("start_trips",),
    ),
    Mutant(
        "a card expires one moment late",
        "find_unused_cards",
        "AND c.issued_at <= p_now - interval '5 years'",
        "AND c.issued_at < p_now - interval '5 years'",
        ("expire_cards",),
    ),
    Mutant(
        "a card that was recharged last year expires",
        "find_unused_cards",
        "WHERE r.card_id = c.card_id AND r.recharged_at > p_now - interval '2 years'",
        "WHERE r.card_id = c.card_id AND r.recharged_at > p_now - interval '1 year'",
        ("expire_cards",),
    ),
    Mutant(
        "keys are forgotten after 6 days",
        "prune_idempotency_records",
        "v_before timestamptz := api.clock_now() - interval '8 days';",
        "v_before timestamptz := api.clock_now() - interval '6 days';",
        ("prune_idempotency_records",),
    ),
    Mutant(
        "folding forgets what was folded before",
        "fold_rollups",
        "revenue = h.revenue + excluded.revenue",
        "revenue = excluded.revenue",
        ("fold_rollups",),
    ),
    Mutant(
        "a late tap of another card moves the last active day of its user back",
        "note_active_users",
        "WHERE u.user_id = s.user_id AND s.to_day > s.from_day",
        "WHERE u.user_id = s.user_id",
        ("fold_rollups",),
    ),
    Mutant(
        "a trip may end an hour after its 4 hours",
        "refuse_end",
        "ELSIF p_at > p_trip.tapped_at + interval '4 hours' THEN",
        "ELSIF p_at > p_trip.tapped_at + interval '5 hours' THEN",
        ("end_trip",),
    ),
]
