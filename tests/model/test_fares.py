"""Each fare rule of the model, by hand: its happy case, its edges and its refusals."""

from datetime import datetime, timedelta

import pytest

from simulator.cards import TapDecision
from simulator.fares import Account
from simulator.tariffs import BOGOTA, BOGOTA_TIME, Component

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)


def at(text: str) -> datetime:
    """A moment on Bogotá's clocks."""
    return datetime.fromisoformat(text).replace(tzinfo=BOGOTA_TIME)


MORNING = at("2026-03-02 06:00")
STATIONS: dict[str, tuple[int, Component]] = {
    "norte": (1, "trunk"),
    "calle72": (2, "trunk"),
    "paradero": (3, "zonal"),
    "esquina": (4, "zonal"),
    "manitas": (5, "cable"),
    "parque": (6, "zonal"),
}


def make_account(balance: int = 0, profile: str = "adult", now: datetime = MORNING) -> Account:
    account = Account("card", now, profile, personalised=profile != "basic")
    while account.balance < balance:
        account.recharge("card", min(balance - account.balance, 418_000), now)
    return account


def make_account_with_pass(balance: int = 0, now: datetime = MORNING) -> Account:
    account = make_account(160_000 + balance, now=now)
    assert account.buy_pass("card", now, token="pass").outcome == "created"
    return account


def tap(
    account: Account,
    place: str,
    when: datetime,
    now: datetime | None = None,
    card: str = "card",
    **more: object,
) -> TapDecision:
    """A tap live at `when`, or delivered at `now`."""
    station, component = STATIONS[place]
    return account.tap(
        card,
        station,
        component,
        now or when,
        tapped_at=when,
        **more,  # type: ignore[arg-type]
    )


def fares(account: Account) -> list[tuple[str, int]]:
    return [(trip.rule, trip.fare) for trip in account.trips]


# Tariffs


@pytest.mark.parametrize(
    ("moment", "place", "fare"),
    [
        ("2024-02-12 23:59:59.999999", "norte", 2950),
        ("2024-02-12 23:59:59.999999", "paradero", 2750),
        ("2024-02-13 00:00", "paradero", 2950),
        ("2025-01-17 23:59:59.999999", "manitas", 2950),
        ("2025-01-18 00:00", "manitas", 3200),
        ("2026-01-13 23:59:59.999999", "norte", 3200),
        ("2026-01-14 00:00", "norte", 3550),
    ],
)
def test_tap_is_priced_by_the_tariff_in_force_at_its_own_time(
    moment: str, place: str, fare: int
) -> None:
    account = make_account(10_000, now=at("2024-02-01 00:00"))
    # It arrives three days later, under another tariff: its own time decides.
    assert tap(account, place, at(moment), at(moment) + 3 * DAY).fare == fare


def test_fare_that_is_the_whole_balance_is_base() -> None:
    account = make_account(3550)
    decision = tap(account, "norte", MORNING)
    assert (decision.outcome, decision.rule, decision.fare, decision.balance) == (
        "accepted", "base", 3550, 0,
    )  # fmt: skip


def test_tap_of_an_anonymous_card_one_peso_short_is_refused_insufficient_balance() -> None:
    account = make_account(3549, profile="basic")
    decision = tap(account, "norte", MORNING)
    assert (decision.outcome, decision.fare, decision.balance) == (
        "insufficient_balance", None, 3549,
    )  # fmt: skip
    assert account.trips == []


# Times and status


def test_tap_five_minutes_ahead_is_accepted_and_one_microsecond_more_tap_in_future() -> None:
    account = make_account(10_000)
    assert tap(account, "norte", MORNING + 5 * MINUTE, MORNING).outcome == "accepted"
    assert tap(account, "norte", MORNING + 5 * MINUTE + TICK, MORNING).outcome == "tap_in_future"


def test_tap_seven_days_late_is_accepted_and_one_microsecond_more_tap_too_old() -> None:
    account = make_account(10_000)
    assert tap(account, "norte", MORNING - 7 * DAY, MORNING).outcome == "accepted"
    assert tap(account, "norte", MORNING - 7 * DAY - TICK, MORNING).outcome == "tap_too_old"


def test_tap_is_refused_from_the_block_up_to_the_unblock_card_not_active() -> None:
    account = make_account(20_000)
    account.block("card", MORNING)
    account.block("card", MORNING + MINUTE)
    account.unblock("card", MORNING + 10 * MINUTE)
    late = MORNING + 30 * MINUTE
    assert tap(account, "norte", MORNING - TICK, late).outcome == "accepted"
    assert tap(account, "norte", MORNING, late).outcome == "card_not_active"
    assert tap(account, "norte", MORNING + 10 * MINUTE - TICK, late).outcome == "card_not_active"
    assert tap(account, "norte", MORNING + 10 * MINUTE, late).outcome == "accepted"


def test_unknown_station_and_route_are_refused_and_not_remembered() -> None:
    account = make_account(10_000)
    assert account.tap("card", 99, None, MORNING, key="k").outcome == "station_not_found"
    assert (
        account.tap("card", 1, "trunk", MORNING, route=9, route_known=False, key="k").outcome
        == "route_not_found"
    )
    assert account.tap("card", 1, "trunk", MORNING, key="k").outcome == "accepted"


# Idempotency


def test_same_tap_sent_again_is_answered_the_same_and_charged_once() -> None:
    account = make_account(10_000)
    first = tap(account, "norte", MORNING, device_id=7, device_seq=1, token="t")
    again = tap(account, "norte", MORNING, MORNING + DAY, device_id=7, device_seq=1, token="u")
    assert (again.token, again.fare, again.balance, again.replayed) == ("t", 3550, 6450, True)
    assert first.balance == account.balance == 6450


def test_refused_tap_sent_again_after_a_recharge_is_refused_again() -> None:
    account = make_account(0, "basic")
    tap(account, "norte", MORNING, device_id=7, device_seq=1)
    account.recharge("card", 5000, MORNING)
    again = tap(account, "norte", MORNING, device_id=7, device_seq=1)
    assert (again.outcome, again.balance, again.replayed) == ("insufficient_balance", 0, True)


def test_key_of_another_request_is_refused_idempotency_key_reused() -> None:
    account = make_account(10_000)
    tap(account, "norte", MORNING, device_id=7, device_seq=1)
    assert (
        tap(account, "calle72", MORNING, device_id=7, device_seq=1).outcome
        == "idempotency_key_reused"
    )
    account.recharge("card", 1000, MORNING, key="k")
    assert account.tap("card", 1, "trunk", MORNING, key="k").outcome == "idempotency_key_reused"
    assert account.buy_pass("card", MORNING, key="k").outcome == "idempotency_key_reused"
    # Device fields make the key; the header beside them is not looked at.
    assert tap(account, "norte", MORNING, device_id=7, device_seq=2, key="k").outcome == "accepted"


# Transfers


def test_two_transfers_inside_the_window_are_free_and_the_third_tap_is_base() -> None:
    account = make_account(10_000)
    places = ["norte", "paradero", "norte", "paradero"]
    decisions = [
        tap(account, place, MORNING + i * 10 * MINUTE, token=i) for i, place in enumerate(places)
    ]
    assert fares(account) == [("base", 3550), ("transfer", 0), ("transfer", 0), ("base", 3550)]
    assert [decision.journey for decision in decisions] == [0, 0, 0, 3]


@pytest.mark.parametrize(
    ("day", "window"), [("2025-01-17", 110), ("2025-01-18", 125), ("2024-02-13", 110)]
)
def test_transfer_window_ends_exactly_at_its_minute(day: str, window: int) -> None:
    start = at(f"{day} 06:00")
    inside, outside = make_account(10_000, now=start), make_account(10_000, now=start)
    for account in (inside, outside):
        tap(account, "norte", start)
    assert tap(inside, "paradero", start + window * MINUTE - TICK).rule == "transfer"
    assert tap(outside, "paradero", start + window * MINUTE).rule == "base"


def test_window_counts_from_the_paying_trip_and_not_from_the_last_transfer() -> None:
    account = make_account(10_000)
    tap(account, "norte", MORNING)
    tap(account, "paradero", MORNING + 100 * MINUTE)
    assert tap(account, "norte", MORNING + 125 * MINUTE).rule == "base"


def test_same_station_same_route_and_trunk_to_trunk_do_not_transfer() -> None:
    account = make_account(50_000)
    tap(account, "paradero", MORNING, route=1)
    assert tap(account, "paradero", MORNING + MINUTE, route=2).rule == "base"
    assert tap(account, "esquina", MORNING + 2 * MINUTE, route=2).rule == "base"
    # One of the two names no route: nothing forbids it.
    assert tap(account, "paradero", MORNING + 3 * MINUTE).rule == "transfer"
    tap(account, "norte", MORNING + DAY)
    assert tap(account, "calle72", MORNING + DAY + MINUTE).rule == "base"
    assert tap(account, "manitas", MORNING + DAY + 2 * MINUTE).rule == "transfer"


def test_anonymous_card_never_transfers() -> None:
    account = make_account(10_000, "basic")
    tap(account, "norte", MORNING)
    assert tap(account, "paradero", MORNING + MINUTE).rule == "base"


def test_zonal_to_trunk_or_cable_cost_200_until_the_fares_were_unified() -> None:
    start = at("2024-02-12 20:00")
    account = make_account(20_000, now=start)
    tap(account, "paradero", start)
    assert tap(account, "norte", start + MINUTE).fare == 200
    assert tap(account, "paradero", start + 2 * MINUTE).fare == 0
    tap(account, "paradero", start + 3 * MINUTE)
    assert tap(account, "manitas", start + 4 * MINUTE).fare == 200
    # The price is that in force at the tap, not at the first trip of the journey.
    before_midnight = at("2024-02-12 23:59")
    tap(account, "esquina", before_midnight)
    assert tap(account, "norte", before_midnight + MINUTE).fare == 0


def test_transfer_that_the_balance_does_not_cover_goes_on_to_the_next_rules() -> None:
    start = at("2024-02-12 08:00")
    short, exact = make_account(2949, now=start), make_account(2950, now=start)
    free = make_account(2949, "senior", now=start)
    for account in (short, exact, free):
        tap(account, "paradero", start)  # 2,750: leaves 199, 200, and 2,949 (a free trip)
    assert tap(exact, "norte", start + MINUTE).rule == "transfer"
    # 2,950 with 199 there: on credit, 2,751 of debt.
    decision = tap(short, "norte", start + MINUTE)
    assert (decision.rule, decision.fare, short.debt) == ("credit", 2950, 2751)
    assert tap(free, "norte", start + MINUTE).rule == "transfer"


# Subsidy passes


def test_free_trips_of_a_profile_end_with_their_number_and_begin_anew_with_the_month() -> None:
    start = at("2026-03-31 10:00")
    account = make_account(10_000, "senior_c", start)
    for hours in (0, 3, 6):
        assert tap(account, "norte", start + timedelta(hours=hours)).rule == "subsidy_pass"
    last = at("2026-03-31 23:59:59.999999")
    assert tap(account, "calle72", last).rule == "base"
    assert tap(account, "norte", last + TICK).rule == "subsidy_pass"


def test_free_trip_starts_a_journey() -> None:
    account = make_account(0, "senior")
    tap(account, "norte", MORNING, token="first")
    assert tap(account, "paradero", MORNING + MINUTE).journey == "first"


def test_late_tap_takes_the_free_trip_that_was_its_due() -> None:
    account = make_account(10_000, "senior")
    noon = MORNING + timedelta(hours=6)
    tap(account, "norte", noon, token="noon")
    decision = tap(account, "norte", MORNING, noon + MINUTE)
    # The morning trip is the free one of the month; noon, free until now, becomes 3,550.
    assert (decision.rule, decision.fare, decision.balance) == ("subsidy_pass", 0, 6450)
    assert fares(account) == [("subsidy_pass", 0), ("base", 3550)]
    assert [(e.kind, e.amount) for e in account.statement("card")[1:]] == [
        ("fare", 0), ("fare", 0), ("fare_correction", -3550),
    ]  # fmt: skip


# Monthly pass


def test_pass_trip_is_free_and_neither_makes_nor_continues_a_journey() -> None:
    account = make_account(10_000)
    tap(account, "norte", MORNING, token="paid")
    account.recharge("card", 160_000, MORNING)
    account.buy_pass("card", MORNING + MINUTE)
    decision = tap(account, "paradero", MORNING + 2 * MINUTE)
    assert (decision.rule, decision.fare, decision.journey) == ("monthly_pass", 0, None)


def test_seventh_trip_of_a_pass_day_is_refused_pass_daily_limit() -> None:
    account = make_account_with_pass(50_000)
    for i in range(6):
        assert tap(account, "norte", MORNING + i * MINUTE).rule == "monthly_pass"
    assert tap(account, "norte", MORNING + DAY / 2).outcome == "pass_daily_limit"
    # A late one of the same day too: the limit goes by arrival.
    assert tap(account, "norte", MORNING + TICK, MORNING + DAY).outcome == "pass_daily_limit"
    assert tap(account, "norte", at("2026-03-03 00:00")).rule == "monthly_pass"
    assert account.balance == 50_000


def test_pass_serves_65_trips_and_the_next_one_pays() -> None:
    account = make_account_with_pass(10_000)
    for i in range(65):
        assert tap(account, "norte", MORNING + i // 5 * DAY + i % 5 * MINUTE).fare == 0
    # Thirteen days of five trips are used up: the next day pays.
    assert tap(account, "norte", MORNING + 13 * DAY).rule == "base"
    assert account.pass_in_force(MORNING + 13 * DAY) is None


def test_pass_lives_30_days_from_its_first_trip() -> None:
    account = make_account_with_pass(10_000)
    first = MORNING + 50 * DAY
    assert tap(account, "norte", first).rule == "monthly_pass"
    assert tap(account, "norte", first + 30 * DAY - TICK).rule == "monthly_pass"
    assert tap(account, "norte", first + 30 * DAY).rule == "base"


def test_pass_does_not_cover_a_tap_before_its_purchase() -> None:
    account = make_account_with_pass(10_000)
    assert tap(account, "norte", MORNING - TICK, MORNING).rule == "base"
    assert tap(account, "calle72", MORNING, MORNING).rule == "monthly_pass"


def test_late_first_trip_of_a_pass_moves_its_30_days_and_the_last_trip_pays() -> None:
    account = make_account_with_pass(10_000)
    first = MORNING + 2 * DAY
    tap(account, "norte", first)
    last = first + 30 * DAY - MINUTE
    tap(account, "norte", first - DAY, first)
    assert tap(account, "norte", last).rule == "base"


def test_late_tap_that_uses_the_65th_trip_makes_the_last_one_pay() -> None:
    account = make_account_with_pass(10_000)
    for i in range(65):
        tap(account, "norte", MORNING + i // 5 * DAY + i % 5 * MINUTE)
    late = tap(account, "paradero", MORNING + 12 * DAY - MINUTE, MORNING + 13 * DAY)
    # It is the 61st in time; the 65 of before it and after make 66: the last becomes base.
    assert late.rule == "monthly_pass"
    assert [c.amount for c in late.corrections] == [-3550]
    assert fares(account)[-2:] == [("monthly_pass", 0), ("base", 3550)]
    assert account.balance == 10_000 - 3550


@pytest.mark.parametrize(
    ("balance", "profile", "outcome"),
    [
        (160_000, "adult", "created"),
        (159_999, "adult", "insufficient_balance"),
        (160_000, "basic", "card_not_personalised"),
    ],
)
def test_pass_is_paid_from_the_balance(balance: int, profile: str, outcome: str) -> None:
    account = make_account(balance, profile)
    assert account.buy_pass("card", MORNING).outcome == outcome


def test_second_pass_is_refused_pass_in_force_until_the_first_is_over() -> None:
    account = make_account_with_pass(160_000)
    assert account.buy_pass("card", MORNING + 90 * DAY).outcome == "pass_in_force"
    tap(account, "norte", MORNING + 90 * DAY)
    assert account.buy_pass("card", MORNING + 120 * DAY - TICK).outcome == "pass_in_force"
    assert account.buy_pass("card", MORNING + 120 * DAY).outcome == "created"


def test_pass_of_a_blocked_card_is_refused_card_not_active() -> None:
    account = make_account(160_000)
    account.block("card", MORNING)
    assert account.buy_pass("card", MORNING).outcome == "card_not_active"


# Credit


def test_two_trips_on_credit_and_the_third_is_refused_insufficient_balance() -> None:
    account = make_account(1000)
    first = tap(account, "norte", MORNING)
    # What is there goes first: 3,550 - 1,000 = 2,550 of debt.
    assert (first.rule, first.fare, first.balance, account.debt) == ("credit", 3550, 0, 2550)
    assert tap(account, "norte", MORNING + MINUTE).rule == "credit"
    assert account.debt == 6100
    assert tap(account, "norte", MORNING + 2 * MINUTE).outcome == "insufficient_balance"


def test_anonymous_card_has_no_credit_insufficient_balance() -> None:
    assert tap(make_account(0, "basic"), "norte", MORNING).outcome == "insufficient_balance"


def test_credit_trip_starts_a_journey() -> None:
    account = make_account(0)
    tap(account, "norte", MORNING, token="lent")
    assert tap(account, "paradero", MORNING + MINUTE).journey == "lent"


def test_cleared_debt_rests_credit_until_the_next_service_day() -> None:
    account = make_account(0)
    tap(account, "norte", MORNING)
    account.recharge("card", 3550 + 3550, MORNING)
    assert account.balance == 3550
    tap(account, "norte", MORNING + MINUTE)
    assert tap(account, "norte", at("2026-03-02 23:59:59.999999")).outcome == (
        "insufficient_balance"
    )
    assert tap(account, "norte", at("2026-03-03 00:00")).rule == "credit"


def test_credit_rests_on_until_a_recharge_leaves_a_trunk_fare() -> None:
    account = make_account(0)
    tap(account, "norte", MORNING)
    # Clears 3,550 and leaves 3,549: one peso short of a trunk fare.
    account.recharge("card", 7099, MORNING)
    assert tap(account, "norte", MORNING + 5 * DAY).outcome == "insufficient_balance"
    account.recharge("card", 50, MORNING + 5 * DAY)
    assert tap(account, "norte", MORNING + 5 * DAY + MINUTE).rule == "base"
    # 49 pesos left, and the credit rests for the rest of this day only.
    assert tap(account, "norte", MORNING + 5 * DAY + 2 * MINUTE).outcome == "insufficient_balance"
    assert tap(account, "norte", MORNING + 6 * DAY).rule == "credit"


def test_recharge_below_the_debt_neither_rests_nor_forgets_credit_trips() -> None:
    account = make_account(0)
    tap(account, "norte", MORNING)
    account.recharge("card", 3549, MORNING)
    assert account.debt == 1
    assert tap(account, "norte", MORNING + MINUTE).rule == "credit"
    assert tap(account, "norte", MORNING + 2 * MINUTE).outcome == "insufficient_balance"


def test_late_credit_trip_beside_one_that_becomes_its_transfer_counts_once() -> None:
    account = make_account(0)
    tap(account, "calle72", MORNING + 30 * MINUTE)
    assert account.debt == 3550
    # A late zonal trip pays on credit too, and the trunk trip becomes its free transfer:
    # 3,550 + 3,550 - 3,550 = 3,550 of debt, one present credit trip.
    tap(account, "paradero", MORNING, MORNING + 31 * MINUTE)
    assert fares(account) == [("credit", 3550), ("transfer", 0)]
    assert (account.debt, account.credit_count) == (3550, 1)


def test_correction_that_clears_the_debt_makes_nothing_rest_and_forgets_credit_trips() -> None:
    account = make_account(0)
    account.recharge("card", 7100, MORNING)
    for minute in (0, 10, 20):
        tap(account, "paradero", MORNING + minute * MINUTE)
    assert (account.debt, account.credit_count) == (3550, 1)
    # It is a free transfer, and so becomes the second trip: -3,550 + 3,550 = 0.
    tap(account, "norte", MORNING + 5 * MINUTE, MORNING + 30 * MINUTE)
    assert [rule for rule, _ in fares(account)] == ["base", "transfer", "transfer", "credit"]
    assert (account.debt, account.credit_count) == (0, 0)
    assert tap(account, "paradero", MORNING + 40 * MINUTE).rule == "credit"


def test_credit_is_for_the_day_of_arrival_and_not_of_the_tap() -> None:
    account = make_account(0)
    tap(account, "norte", MORNING)
    account.recharge("card", 7100, MORNING)
    tap(account, "norte", MORNING + MINUTE)
    tomorrow = MORNING + DAY
    assert tap(account, "norte", MORNING + 2 * MINUTE, tomorrow).rule == "credit"


# Recharges


@pytest.mark.parametrize(
    ("channel", "amount", "outcome"),
    [
        ("ticket_office", 49, "amount_out_of_range"),
        ("ticket_office", 50, "accepted"),
        ("machine", 418_000, "accepted"),
        ("retail", 418_001, "amount_out_of_range"),
        ("online", 9_999, "amount_out_of_range"),
        ("online", 10_000, "accepted"),
        ("wallet", 200_000, "accepted"),
        ("wallet", 200_001, "amount_out_of_range"),
    ],
)
def test_recharge_keeps_within_the_limits_of_its_channel(
    channel: str, amount: int, outcome: str
) -> None:
    assert make_account().recharge("card", amount, MORNING, channel=channel).outcome == outcome


def test_recharge_up_to_the_ceiling_and_not_a_peso_more_balance_limit_exceeded() -> None:
    account = make_account(400_000)
    refused = account.recharge("card", 100_001, MORNING)
    assert (refused.outcome, refused.balance) == ("balance_limit_exceeded", 400_000)
    assert account.recharge("card", 100_000, MORNING).balance == 500_000


def test_recharge_repays_the_debt_first() -> None:
    account = make_account(0)
    tap(account, "norte", MORNING)
    decision = account.recharge("card", 5000, MORNING)
    assert (decision.debt_repaid, decision.balance, account.debt) == (3550, 1450, 0)
    # 5,000 more than the ceiling allows were it not for the debt.
    account = make_account(0)
    tap(account, "norte", MORNING)
    account.recharge("card", 418_000, MORNING)
    assert account.recharge("card", 85_550, MORNING).balance == 500_000


def test_blocked_card_is_not_recharged_card_not_active() -> None:
    account = make_account()
    account.block("card", MORNING)
    assert account.recharge("card", 5000, MORNING).outcome == "card_not_active"
    account.unblock("card", MORNING)
    assert account.recharge("card", 5000, MORNING).outcome == "accepted"


# Late taps


def test_late_tap_that_opens_the_journey_gives_back_the_second_fare() -> None:
    account = make_account(10_000)
    tap(account, "paradero", MORNING + 30 * MINUTE, token="later")
    decision = tap(account, "norte", MORNING, MORNING + DAY, token="late")
    # 10,000 - 3,550 (later) - 3,550 (late) + 3,550 (later becomes a transfer) = 6,450.
    assert (decision.fare, decision.balance, account.net) == (3550, 6450, 6450)
    assert [(c.token, c.fare_before, c.fare_after) for c in decision.corrections] == [
        ("later", 3550, 0)
    ]
    assert [(e.kind, e.amount, e.balance_after, e.reference) for e in account.statement("card")][
        1:
    ] == [
        ("fare", -3550, 6450, "later"),
        ("fare", -3550, 2900, "late"),
        ("fare_correction", 3550, 6450, "later"),
    ]


def test_late_tap_moves_the_boundaries_of_journeys_and_corrections_follow_in_time_order() -> None:
    account = make_account(50_000)
    # 06:00 pays, 06:10 and 06:20 transfer, 06:30 pays, 06:40 transfers.
    for i, place in enumerate(["norte", "paradero", "norte", "paradero", "norte"]):
        tap(account, place, MORNING + i * 10 * MINUTE, token=i)
    assert account.net == 50_000 - 2 * 3550
    decision = tap(account, "esquina", MORNING - 10 * MINUTE, MORNING + DAY, token="late")
    # 05:50 pays, 06:00 and 06:10 transfer, 06:20 pays, 06:30 and 06:40 transfer:
    # trips 0 and 3 are given back, trip 2 is taken.
    assert [(c.token, c.amount) for c in decision.corrections] == [(0, 3550), (2, -3550), (3, 3550)]
    assert [trip.journey for trip in account.trips] == ["late", "late", "late", 2, 2, 2]
    assert account.net == 50_000 - 2 * 3550


def test_correction_that_takes_more_than_there_is_becomes_debt_and_no_credit_trip() -> None:
    account = make_account(0, "senior_c")
    for hour in (6, 10, 14):
        tap(account, "norte", MORNING + timedelta(hours=hour))
    tap(account, "norte", MORNING, MORNING + DAY)
    # The fourth free trip of the month is not due: 3,550 of debt for the last one.
    assert fares(account)[-1] == ("base", 3550)
    assert (account.debt, account.credit_count) == (3550, 0)


def test_correction_may_lift_a_balance_above_the_ceiling() -> None:
    account = make_account(10_000)
    tap(account, "paradero", MORNING)
    tap(account, "paradero", MORNING + 10 * MINUTE)
    account.recharge("card", 400_000, MORNING + DAY)
    account.recharge("card", 500_000 - account.balance, MORNING + DAY)
    # In between, elsewhere: a free transfer, and the second trip becomes one too.
    tap(account, "norte", MORNING + 5 * MINUTE, MORNING + DAY)
    assert account.balance == 503_550


def test_full_fare_keeps_its_rule_when_priced_again_and_a_new_one_is_base() -> None:
    account = make_account(0)
    tap(account, "norte", MORNING + 4 * MINUTE)
    tap(account, "calle72", MORNING + 300 * MINUTE)
    tap(account, "manitas", MORNING + 301 * MINUTE)
    assert [rule for rule, _ in fares(account)] == ["credit", "credit", "transfer"]
    account.recharge("card", 50_000, MORNING + 302 * MINUTE)
    tap(account, "manitas", MORNING + 299 * MINUTE, MORNING + 303 * MINUTE)
    # Calle 72 hangs on Manitas now, and the second Manitas on that journey too.
    assert [rule for rule, _ in fares(account)] == ["credit", "base", "transfer", "transfer"]
    tap(account, "parque", MORNING + 298 * MINUTE, MORNING + 304 * MINUTE)
    # Parque pays, Manitas and Calle 72 are its transfers; the last one starts anew, as base.
    assert [rule for rule, _ in fares(account)] == [
        "credit", "base", "transfer", "transfer", "base",
    ]  # fmt: skip


def test_priced_transfer_declined_for_money_is_not_offered_again_and_a_free_one_is() -> None:
    start = at("2024-02-12 08:00")
    account = make_account(2800, now=start)
    tap(account, "paradero", start)
    tap(account, "norte", start + 10 * MINUTE)  # 50 pesos do not pay 200: on credit
    account.recharge("card", 20_000, start + DAY)
    # A late zonal tap before both: a transfer of 200 is possible still, and not offered.
    tap(account, "esquina", start - MINUTE, start + DAY)
    assert [rule for rule, _ in fares(account)] == ["base", "transfer", "credit"]
    # A cable tap just before makes the trunk trip a free transfer of its journey.
    tap(account, "manitas", start + 9 * MINUTE, start + DAY)
    assert [rule for rule, _ in fares(account)] == ["base", "transfer", "transfer", "credit"]


def test_equal_times_go_without_device_first_then_by_device_and_sequence_as_numbers() -> None:
    account = make_account(50_000)
    for token, device, seq in [("d", 10, 1), ("c", 9, 10), ("b", 9, 9), ("a", None, None)]:
        tap(account, "norte", MORNING, token=token, device_id=device, device_seq=seq)
    tap(account, "norte", MORNING, token="a2")
    assert [trip.token for trip in account.trips] == ["a", "a2", "b", "c", "d"]


# Replacement and expiry


def test_replacement_moves_money_pass_journey_and_counts() -> None:
    account = make_account_with_pass(10_000)
    for i in range(6):
        tap(account, "norte", MORNING + i * MINUTE)
    decision = account.replace("card", "new", MORNING + 10 * MINUTE)
    assert (decision.outcome, decision.balance) == ("created", 10_000)
    assert tap(account, "norte", MORNING + 11 * MINUTE, card="new").outcome == "pass_daily_limit"
    assert tap(account, "norte", MORNING + 11 * MINUTE).outcome == "card_not_active"
    assert account.recharge("card", 5000, MORNING + DAY).outcome == "card_not_active"
    old, new = account.statement("card")[-1], account.statement("new")[0]
    assert (old.kind, old.amount, old.balance_after) == ("replacement", -10_000, 0)
    assert (new.kind, new.amount, new.balance_after) == ("replacement", 10_000, 10_000)


def test_tap_made_before_the_replacement_is_charged_to_the_newest_card() -> None:
    account = make_account(10_000)
    tap(account, "norte", MORNING, token="old")
    account.replace("card", "new", MORNING + 10 * MINUTE)
    tap(account, "paradero", MORNING + 20 * MINUTE, card="new")
    assert fares(account)[1] == ("transfer", 0)
    account.block("new", MORNING + 30 * MINUTE)
    decision = tap(account, "esquina", MORNING + 5 * MINUTE, MORNING + DAY, token="late")
    assert (decision.outcome, decision.journey, decision.balance) == ("accepted", "old", 6450)
    assert [(e.kind, e.amount) for e in account.statement("new")] == [
        ("replacement", 6450), ("fare", 0), ("fare", 0),
    ]  # fmt: skip


def test_debt_credit_count_and_rest_move_with_a_replacement() -> None:
    account = make_account(0)
    tap(account, "norte", MORNING)
    account.replace("card", "new", MORNING + MINUTE)
    assert account.statement("new")[0].debt_after == account.debt == 3550
    assert tap(account, "norte", MORNING + 2 * MINUTE, card="new").rule == "credit"
    assert tap(account, "norte", MORNING + 3 * MINUTE, card="new").outcome == "insufficient_balance"


def test_anonymous_and_replaced_cards_are_not_replaced() -> None:
    assert (
        make_account(0, "basic").replace("card", "new", MORNING).outcome == "card_not_personalised"
    )
    account = make_account()
    account.replace("card", "new", MORNING)
    assert account.replace("card", "newer", MORNING).outcome == "card_not_active"
    assert account.block("card", MORNING) == account.unblock("card", MORNING) == "card_not_active"


def test_expired_card_leaves_its_balance_to_the_unclaimed_and_is_refused() -> None:
    account = make_account(10_000)
    account.expire(MORNING)
    assert account.net == 0
    assert account.statement("card")[-1].kind == "unclaimed"
    assert tap(account, "norte", MORNING).outcome == "card_not_active"
    assert account.recharge("card", 5000, MORNING).outcome == "card_not_active"


def test_default_rules_know_every_profile_and_channel() -> None:
    assert {code: rows[0].free_trips for code, rows in BOGOTA.profiles.items()} == {
        "basic": 0, "adult": 0, "minor": 0,
        "senior_a": 8, "senior_b": 6, "senior_c": 3, "senior": 1,
        "disability_a": 12, "disability_b": 11, "disability_c": 8, "disability": 1,
        "low_income_a": 7, "low_income_b": 5,
    }  # fmt: skip
    assert set(BOGOTA.channels) == {"ticket_office", "machine", "retail", "online", "wallet"}
