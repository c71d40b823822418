"""Two and fifty at once: first the danger, with the defence removed, then the defence.

Nothing here depends on luck: one transaction holds what it did until all others wait for it.
"""

import random
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg2
import pytest

from tests.conftest import administration
from tests.sql.stories import (
    CABLE,
    FARE,
    MINUTE,
    NOON,
    OTHER_ZONAL,
    PASS_PRICE,
    TRUNK,
    ZONAL,
    Tap,
    open_story,
)
from tests.sql.waiting import wait_until_blocked
from transit_api.local.embedded_roles import OWNER

CROWD = 50

NO_LOCK = """
    CREATE OR REPLACE FUNCTION api.lock_accounts(p_card_id bigint[]) RETURNS bigint[]
    LANGUAGE sql VOLATILE
    AS $$
    SELECT array_agg(c.account_id) FROM transit.cards AS c WHERE c.card_id = ANY (p_card_id)
    $$
"""

LOCK_IN_ANY_ORDER = """
    CREATE OR REPLACE FUNCTION api.lock_accounts(p_card_id bigint[]) RETURNS bigint[]
    LANGUAGE plpgsql VOLATILE
    AS $$
    BEGIN
        FOR i IN 1 .. cardinality(p_card_id) LOOP
            PERFORM FROM transit.accounts AS a
            WHERE a.account_id = p_card_id[i]
            FOR NO KEY UPDATE;
        END LOOP;
        RETURN p_card_id;
    END;
    $$
"""

# A call that has taken its locks waits here until the test lets it read what it decides.
PAUSE_AFTER_THE_LOCKS = """
    ALTER FUNCTION api.lock_accounts(bigint[]) RENAME TO lock_accounts_at_once;
    CREATE FUNCTION api.lock_accounts(p_card_id bigint[]) RETURNS bigint[]
    LANGUAGE plpgsql VOLATILE
    AS $$
    DECLARE
        v_locked bigint[] := api.lock_accounts_at_once(p_card_id);
    BEGIN
        IF current_setting('transit.pause', true) = 'on' THEN
            PERFORM pg_advisory_xact_lock_shared(4711);
        END IF;
        RETURN v_locked;
    END;
    $$;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA api TO transit_service
"""

DECIDE_WITHOUT_A_LOCK = """
    CREATE OR REPLACE FUNCTION api.require_locked(p_account_id bigint, p_locked bigint[])
    RETURNS bigint
    LANGUAGE sql STABLE
    AS $$ SELECT p_account_id $$
"""


@pytest.fixture
def office(fresh_database):
    """A story told as the owner, every call of which commits; the clock stands at noon."""
    with open_story(fresh_database, OWNER) as story:
        story.stop_clock(NOON)
        yield story


@contextmanager
def crowd(database, size):
    """That many stories on connections of their own, and a pool with a thread for each."""
    with ThreadPoolExecutor(size) as pool, ExitStack() as stack:
        yield pool, [stack.enter_context(open_story(database)) for _ in range(size)]


def all_at_once(database, office, acts):
    """One act is done and not yet committed when all the others begin; answers what each got,
    an answer or the error of the database."""
    with crowd(database, len(acts)) as (pool, stories):
        first, *others = zip(acts, stories, strict=True)
        first[1].connection.autocommit = False
        answers = [first[0](first[1])]
        running: list[Future] = [pool.submit(act, story) for act, story in others]
        for (_, story), answer in zip(others, running, strict=True):
            wait_until_blocked(office.connection, story.connection, answer)
        first[1].connection.commit()
        return answers + [answer.exception() or answer.result() for answer in running]


# Fifty taps, money for one


def tap_fifty_times(database, office):
    card_id = office.make_anonymous_card(balance=FARE)
    answers = all_at_once(database, office, [lambda story: story.tap(card_id)] * CROWD)
    return Counter(answer.outcome for answer in answers)


def test_danger_without_the_lock_money_for_one_trip_pays_fifty(fresh_database, office):
    office.decree(NO_LOCK)
    assert tap_fifty_times(fresh_database, office) == {"accepted": CROWD}
    assert office.offences() != []


def test_fifty_taps_at_once_with_money_for_one_charge_once_insufficient_balance(
    fresh_database, office
):
    assert tap_fifty_times(fresh_database, office) == {
        "accepted": 1, "insufficient_balance": CROWD - 1,
    }  # fmt: skip
    assert office.offences() == []


# Fifty times the same request


def requests_of(office):
    """Each kind of request that takes a key, on a card that can bear it more than once."""
    card_id = office.make_card(balance=2 * PASS_PRICE)
    return {
        "tap": lambda story: story.tap(card_id, key="k"),
        "device": lambda story: story.tap(card_id, device=(1, 1)),
        "recharge": lambda story: story.recharge(card_id, 5000, key="k"),
        "buy_pass": lambda story: story.buy_pass(card_id, key="k"),
        "replace": lambda story: story.replace(card_id, key="k"),
    }, card_id


KINDS = ["tap", "device", "recharge", "buy_pass", "replace"]


@pytest.mark.parametrize("kind", KINDS)
def test_danger_without_the_lock_the_same_request_at_once_gets_no_answer(
    fresh_database, office, kind
):
    requests, _ = requests_of(office)
    office.decree(NO_LOCK)
    _, *others = all_at_once(fresh_database, office, [requests[kind]] * 4)
    assert any(isinstance(answer, psycopg2.Error) for answer in others)


@pytest.mark.parametrize("kind", KINDS)
def test_fifty_identical_requests_at_once_have_one_effect_and_equal_answers(
    fresh_database, office, kind
):
    requests, card_id = requests_of(office)
    entries = len(office.entries(card_id))
    first, *others = all_at_once(fresh_database, office, [requests[kind]] * CROWD)
    assert (first.replayed, {answer.replayed for answer in others}) == (False, {True})
    assert {answer._replace(replayed=False) for answer in others} == {first}
    assert len(office.entries(card_id)) == entries + 1
    assert office.offences() == []


# All that can happen to one card


def happen_at_once(database, office):
    card_id = office.make_card(balance=PASS_PRICE + FARE)
    return all_at_once(
        database,
        office,
        [
            lambda story: story.recharge(card_id, 10_000),
            lambda story: story.tap(card_id, ZONAL),
            lambda story: story.tap(card_id, TRUNK),
            lambda story: story.buy_pass(card_id),
            lambda story: story.replace(card_id),
            lambda story: story.block(card_id),
            lambda story: story.recharge(card_id, 20_000),
            lambda story: story.tap(card_id, OTHER_ZONAL),
            lambda story: story.unblock(card_id),
        ],
    )


def test_danger_without_the_lock_the_books_disagree(fresh_database, office):
    office.decree(NO_LOCK)
    happen_at_once(fresh_database, office)
    assert office.offences() != []


def test_everything_that_can_happen_to_a_card_at_once_leaves_books_that_agree(
    fresh_database, office
):
    answers = happen_at_once(fresh_database, office)
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert office.offences() == []


# Batches that share cards


def meet_in_the_middle(database, office):
    """Two batches with the same cards in opposite orders both wait for the card in the middle;
    what becomes of them once it is free."""
    cards = sorted(office.make_card(balance=FARE) for _ in range(3))
    with crowd(database, 2) as (pool, stories), open_story(database, OWNER) as gate:
        gate.connection.autocommit = False
        gate.decree("SELECT FROM transit.accounts WHERE account_id = %s FOR UPDATE", cards[1])
        batches = []
        for story, order in zip(stories, (cards, cards[::-1]), strict=True):
            batches.append(pool.submit(story.taps, *map(Tap, order)))
            wait_until_blocked(office.connection, story.connection, batches[-1])
        gate.connection.commit()
        return [batch.exception() for batch in batches]


def test_danger_batches_that_lock_in_the_order_of_their_arrays_deadlock(fresh_database, office):
    with administration(fresh_database.cluster) as cursor:
        cursor.execute(f"ALTER DATABASE {fresh_database.name} SET deadlock_timeout = '50ms'")
    office.decree(LOCK_IN_ANY_ORDER)
    deadlocks = [
        error
        for error in meet_in_the_middle(fresh_database, office)
        if isinstance(error, psycopg2.errors.DeadlockDetected)
    ]
    assert len(deadlocks) == 1


def test_batches_that_share_cards_in_opposite_orders_both_succeed(fresh_database, office):
    assert meet_in_the_middle(fresh_database, office) == [None, None]
    assert office.offences() == []


def test_many_batches_in_random_orders_never_deadlock(fresh_database, office):
    user_id = office.make_user()
    cards = [office.make_card(balance=50_000, user_id=user_id) for _ in range(6)]
    cards += [office.make_card(balance=50_000, profile="senior_a") for _ in range(6)]

    def write(story, seed):
        dice = random.Random(seed)
        for step in range(12):
            cards_of = dice.sample(cards, k=len(cards))
            match dice.randrange(4):
                case 0:
                    story.recharges(*((card_id, 5000, None, None, None) for card_id in cards_of))
                case 1:
                    story.block(cards_of[0])
                    story.unblock(cards_of[0])
                case _:
                    stations = dice.choices((ZONAL, TRUNK, CABLE), k=12)
                    minutes = dice.choices(range(7 * 24 * 60), k=12)
                    story.taps(
                        *(
                            Tap(card_id, station, at=NOON - i * MINUTE, device=(seed, step + 1))
                            for card_id, station, i in zip(cards_of, stations, minutes, strict=True)
                        )
                    )

    with crowd(fresh_database, 4) as (pool, stories):
        running = [pool.submit(write, story, 1 + seed) for seed, story in enumerate(stories)]
        assert [writer.exception() for writer in running] == [None] * 4
    assert office.offences() == []


# Erasure


def erase_while_a_recharge_is_under_way(database, office):
    user_id = office.make_user()
    card_id = office.make_card(user_id=user_id)
    acts = [lambda story: story.recharge(card_id, 5000), lambda story: story.erase(user_id)]
    return all_at_once(database, office, acts)[1].outcome, office.card(card_id)


def test_danger_without_the_lock_a_card_expires_with_money_on_it(fresh_database, office):
    office.decree(NO_LOCK)
    outcome, card = erase_while_a_recharge_is_under_way(fresh_database, office)
    assert (outcome, card.status, card.balance) == ("accepted", "expired", 5000)


def test_erasure_waits_for_a_recharge_and_sees_it_user_has_balance(fresh_database, office):
    outcome, card = erase_while_a_recharge_is_under_way(fresh_database, office)
    assert (outcome, card.status, card.balance) == ("user_has_balance", "active", 5000)


def test_card_issued_during_an_erasure_is_refused_user_not_found(fresh_database, office):
    user_id = office.make_user()
    acts = [lambda story: story.erase(user_id), lambda story: story.issue(user_id, None)]
    erased, issued = all_at_once(fresh_database, office, acts)
    assert (erased.outcome, issued.outcome) == ("accepted", "user_not_found")


def test_erasure_during_an_issue_gives_way_and_can_be_tried_again(fresh_database, office):
    user_id = office.make_user()
    acts = [lambda story: story.issue(user_id, None), lambda story: story.erase(user_id)]
    issued, erased = all_at_once(fresh_database, office, acts)
    assert issued.outcome == "created"
    assert isinstance(erased, psycopg2.errors.SerializationFailure)
    assert office.erase(user_id).outcome == "accepted"
    assert office.card(issued.card_id).status == "expired"


# The rest of what two may do at once


def test_trip_ends_once_when_it_is_ended_twice_at_once_trip_already_ended(fresh_database, office):
    trip_id = office.tap(office.make_card()).trip_id
    answers = all_at_once(fresh_database, office, [lambda story: story.end(trip_id)] * 5)
    assert Counter(answer.outcome for answer in answers) == {
        "accepted": 1, "trip_already_ended": 4,
    }  # fmt: skip


def test_trips_end_while_a_late_tap_prices_them_again(fresh_database, office):
    card_id = office.make_card(balance=4 * FARE)
    trips = [office.tap(card_id, station) for station in (TRUNK, ZONAL)]
    ends = [(trip.trip_id, TRUNK, NOON) for trip in reversed(trips)]
    late, ended = all_at_once(
        fresh_database,
        office,
        [
            lambda story: story.tap(card_id, OTHER_ZONAL, at=NOON - MINUTE),
            lambda story: story.ends(*ends),
        ],
    )
    assert [(answer.outcome, answer.journey_id) for answer in ended] == [
        ("accepted", late.trip_id)
    ] * 2
    assert office.offences() == []


def test_clock_moved_by_many_at_once_never_goes_back(fresh_database, office):
    acts = [
        lambda story, days=days: story.ask(
            "SELECT * FROM api.set_clock(%s + make_interval(days => %s), NULL)", NOON, days
        )
        for days in (5, 1, 2, 3, 4)
    ]
    answers = all_at_once(fresh_database, office, acts)
    assert [answer[0].outcome for answer in answers] == ["accepted"] + ["validation_error"] * 4


def test_cards_of_one_user_tapped_at_once_count_one_active_user(fresh_database, office):
    user_id = office.make_user()
    cards = [office.make_card(balance=FARE, user_id=user_id) for _ in range(5)]
    acts = [lambda story, card_id=card_id: story.tap(card_id) for card_id in cards]
    all_at_once(fresh_database, office, acts)
    assert office.ask_one("SELECT * FROM api.read_active_users(1)")[:2] == (1, 5)
    assert office.offences() == []


# A card that is issued while a call that names it has begun: its number can be guessed


def decide_an_account_that_was_not_locked(database, office, act):
    """The act took its locks when the card was not there yet, and reads it when it is. Meanwhile
    another call has loaded 100,000 and is not committed. Answers what the act got, and the card."""
    office.decree(PAUSE_AFTER_THE_LOCKS)
    user_id = office.make_user()
    with (
        open_story(database) as maker,
        open_story(database) as early,
        open_story(database) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        maker.connection.autocommit = False
        card_id = maker.make_card(PASS_PRICE, user_id=user_id)
        early.ask("SET transit.pause = 'on'")
        office.ask("SELECT pg_advisory_lock(4711)")
        answer = pool.submit(act, early, card_id)
        assert wait_until_blocked(office.connection, early.connection, answer)
        maker.connection.commit()
        other.connection.autocommit = False
        assert other.recharge(card_id, 100_000).outcome == "accepted"
        office.ask("SELECT pg_advisory_unlock(4711)")
        # Without a lock it gets as far as the row that the other call has written.
        wait_until_blocked(office.connection, early.connection, answer)
        other.connection.commit()
        return answer.exception() or answer.result(), card_id


MONEY_ACTS = {
    "recharge": lambda story, card_id: story.recharge(card_id, 5000),
    "tap": lambda story, card_id: story.tap(card_id),
    "buy_pass": lambda story, card_id: story.buy_pass(card_id),
    "replace": lambda story, card_id: story.replace(card_id),
}
ACTS = {**MONEY_ACTS, "block": lambda story, card_id: story.block(card_id)}


@pytest.mark.parametrize("name", MONEY_ACTS)
def test_danger_without_the_check_a_card_issued_meanwhile_is_decided_beside_another_call(
    fresh_database, office, name
):
    office.decree(DECIDE_WITHOUT_A_LOCK)
    act = MONEY_ACTS[name]
    answer, card_id = decide_an_account_that_was_not_locked(fresh_database, office, act)
    assert answer.outcome in ("accepted", "created")
    assert any(str(card_id) in offence.subject for offence in office.offences())


@pytest.mark.parametrize("name", ACTS)
def test_card_issued_meanwhile_is_a_serialization_failure_and_the_repeated_call_decides_it(
    fresh_database, office, name
):
    failure, card_id = decide_an_account_that_was_not_locked(fresh_database, office, ACTS[name])
    assert isinstance(failure, psycopg2.errors.SerializationFailure)
    assert ACTS[name](office, card_id).outcome in ("accepted", "created")
    assert office.offences() == []
    assert ("recharge", 100_000) in office.entries(card_id)
