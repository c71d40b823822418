"""The service does what the model does, whatever happens to three accounts.

A few hundred steps in `make test`, the same each time. TRANSIT_TEST_DEPTH=20 takes twenty times as
many, drawn anew in each run; a failure prints its steps, shrunk.
"""

import os
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import Database, Server
from tests.model.machine import SideBySide
from tests.model.services import HttpService, Service, SqlService

DEPTH = int(os.environ.get("TRANSIT_TEST_DEPTH", "1"))


def clock_of(owner: Any) -> Callable[[datetime], None]:
    """Sets the simulated clock, back too: each example begins at a time of its own."""
    owner.autocommit = True

    def restart(start: datetime) -> None:
        with owner.cursor() as cursor:
            cursor.execute("DELETE FROM transit.clock")
            cursor.execute(
                "INSERT INTO transit.clock (simulated_origin, real_origin, speed)"
                " VALUES (%s, clock_timestamp(), 0)",
                [start],
            )

    return restart


def compare(service: Service, owner: Any, examples: int, steps: int) -> None:
    """Run the machine on a service; the books of all it left behind must agree, too."""
    machine = type("Machine", (SideBySide,), {"service": service, "restart_clock": clock_of(owner)})
    machine.restart_clock = staticmethod(machine.restart_clock)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples * DEPTH,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=DEPTH == 1,
            suppress_health_check=list(HealthCheck),
        ),
    )
    with owner.cursor() as cursor:
        cursor.execute("SELECT * FROM api.audit()")
        assert cursor.fetchall() == []


def test_procedures_decide_as_the_model_does(fresh_database: Database) -> None:
    service = SqlService(fresh_database.connect("transit_service"))
    compare(service, fresh_database.connect(), examples=60, steps=40)


def test_http_api_answers_as_the_model_does(
    fresh_database: Database, server: Callable[..., Server]
) -> None:
    running = server(simulated_clock=True, workers=1)
    with closing(HttpService(running.url)) as service:
        compare(service, fresh_database.connect(), examples=25, steps=30)
