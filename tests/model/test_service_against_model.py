"""The service does what the model does, whatever happens to three accounts.

Two ways of looking for a difference. Seeded walks are quick and see much: a failure names its seed.
Hypothesis looks at fewer, and shrinks a difference to the fewest steps that show it.

In `make test` both are the same each time. TRANSIT_TEST_DEPTH=20 makes twenty times as many, drawn
anew in each run; TRANSIT_TEST_SEED=7 walks with seed 7 only.
"""

import dataclasses
import os
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from simulator.tariffs import BOGOTA, Tariff
from tests.conftest import Database, Server
from tests.model.machine import SideBySide
from tests.model.services import HttpService, Service, SqlService

DEPTH = int(os.environ.get("TRANSIT_TEST_DEPTH", "1"))
FIRST_SEED = 0 if DEPTH == 1 else Random().randrange(10**9)
SEED = os.environ.get("TRANSIT_TEST_SEED")

# What happens how often in a walk.
WEIGHTS: dict[Callable[[SideBySide, Random], None], int] = {
    SideBySide.tap: 8,
    SideBySide.tap_batch: 4,
    SideBySide.tap_again: 2,
    SideBySide.recharge: 3,
    SideBySide.ask_again: 1,
    SideBySide.live_a_card: 2,
    SideBySide.pass_time: 3,
}


def clock_of(owner: Any) -> Callable[[datetime], None]:
    """Sets the simulated clock, back too: each walk begins at a time of its own."""
    owner.autocommit = True

    def restart(start: datetime) -> None:
        with owner.cursor() as cursor:
            cursor.execute("DELETE FROM transit.clock")
            cursor.execute(
                "INSERT INTO transit.clock (simulated_origin, real_origin, speed, started_at)"
                " VALUES (%s, clock_timestamp(), 0, '-infinity')",
                [start],
            )
            # What the owner grants with api.start_simulated_clock.
            cursor.execute("GRANT EXECUTE ON FUNCTION api.set_clock TO transit_service")

    return restart


def walk(service: Service, owner: Any, walks: int, steps: int) -> None:
    """Independent walks of so many steps; afterwards the books of all of them agree, too."""
    restart = clock_of(owner)
    seeds = [int(SEED)] if SEED else range(FIRST_SEED, FIRST_SEED + walks * DEPTH)
    for seed in seeds:
        random = Random(seed)
        pair = SideBySide(service, restart, random)
        try:
            stroll(pair, random, steps)
            pair.finish()
        except Exception as error:
            error.add_note(f"to see it again: TRANSIT_TEST_SEED={seed}")
            raise
    assert_books_agree(owner)


def stroll(pair: SideBySide, random: Random, steps: int) -> None:
    for happens in random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=steps):
        happens(pair, random)


# Each walk begins at a time of its own, so across the walks of one database time goes back, which
# these two invariants see.
TIME_GOES_FORWARD = ["deny_versions", "future_stamps"]


def assert_books_agree(owner: Any) -> None:
    with owner.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM api.audit() AS a WHERE a.invariant <> ALL (%s)", [TIME_GOES_FORWARD]
        )
        assert cursor.fetchall() == []


def make_machine(service: Service, restart: Callable[[datetime], None]) -> type:
    """The same steps for hypothesis. It likes small and equal values, which is no city: it chooses
    what happens, and a seed for the details."""
    seeds = st.integers(0, 2**64)

    class Machine(RuleBasedStateMachine):
        @initialize(seed=seeds)
        def begin(self, seed: int) -> None:
            self.pair = SideBySide(service, restart, Random(seed))

        @rule(happens=st.sampled_from(sorted(WEIGHTS, key=lambda what: what.__name__)), seed=seeds)
        def step(self, happens: Callable[[SideBySide, Random], None], seed: int) -> None:
            happens(self.pair, Random(seed))

        def teardown(self) -> None:
            if hasattr(self, "pair"):
                self.pair.finish()

    return Machine


def test_procedures_decide_as_the_model_does_on_seeded_walks(fresh_database: Database) -> None:
    service = SqlService(fresh_database.connect("transit_service"))
    walk(service, fresh_database.connect(), walks=20, steps=80)


def test_procedures_decide_as_the_model_does_whatever_hypothesis_tries(
    fresh_database: Database,
) -> None:
    service = SqlService(fresh_database.connect("transit_service"))
    owner = fresh_database.connect()
    run_state_machine_as_test(
        make_machine(service, clock_of(owner)),
        settings=settings(
            max_examples=12 * DEPTH,
            stateful_step_count=40,
            deadline=None,
            database=None,
            derandomize=DEPTH == 1,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert_books_agree(owner)


def draw_tariff(random: Random, now: datetime) -> Tariff:
    """A decree of around now, at times one that was published late."""
    return Tariff(
        now + timedelta(minutes=random.randint(-600, 600), microseconds=random.randint(1, 9)),
        trunk=random.randint(30, 40) * 100,
        zonal=random.randint(30, 40) * 100,
        cable=random.randint(30, 40) * 100,
        window=timedelta(minutes=random.randint(60, 180)),
        max_transfers=random.randint(0, 3),
        zonal_to_trunk_transfer=random.choice((0, 300)),
        other_transfer=random.choice((0, 100)),
    )


def insert_tariff(owner: Any, tariff: Tariff) -> None:
    with owner.cursor() as cursor:
        cursor.execute(
            "INSERT INTO transit.tariffs (valid_from, trunk_fare, zonal_fare, cable_fare,"
            " transfer_window, max_transfers, zonal_to_trunk_transfer_fare, other_transfer_fare)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            dataclasses.astuple(tariff),
        )


def test_tariffs_inserted_while_taps_flow_price_each_tap_by_its_own_time(
    fresh_database: Database,
) -> None:
    service = SqlService(fresh_database.connect("transit_service"))
    owner = fresh_database.connect()
    restart = clock_of(owner)
    rules = BOGOTA
    for seed in range(FIRST_SEED, FIRST_SEED + 4 * DEPTH):
        random = Random(seed)
        pair = SideBySide(service, restart, random, rules)
        for _ in range(4):
            stroll(pair, random, 10)
            tariff = draw_tariff(random, pair.now)
            insert_tariff(owner, tariff)
            tariffs = sorted([*rules.tariffs, tariff], key=lambda row: row.valid_from)
            rules = dataclasses.replace(rules, tariffs=tariffs)
            pair.live_under(rules)
        pair.finish()
    assert_books_agree(owner)


def test_cards_expired_by_maintenance_are_those_of_the_model(fresh_database: Database) -> None:
    service = SqlService(fresh_database.connect("transit_service"))
    owner = fresh_database.connect()
    for seed in range(FIRST_SEED, FIRST_SEED + 3 * DEPTH):
        random = Random(seed)
        pair = SideBySide(service, clock_of(owner), random)
        stroll(pair, random, 20)
        pair.jump(timedelta(days=5 * 366))
        with owner.cursor() as cursor:
            cursor.execute("SELECT api.expire_cards(1000)")
        pair.expire_all()
        # Taps from before the expiry still arrive.
        stroll(pair, random, 20)
        pair.finish()
    assert_books_agree(owner)


def test_http_api_answers_as_the_model_does(
    fresh_database: Database, server: Callable[..., Server]
) -> None:
    running = server(simulated_clock=True, workers=1)
    with closing(HttpService(running.url)) as service:
        walk(service, fresh_database.connect(), walks=5, steps=80)
