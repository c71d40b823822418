"""The simulator against the real service: books that agree, offences planted that do not."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from simulator.result import Result
from simulator.scenario import Scenario, load_scenario
from simulator.session import run_here
from tests.conftest import Database, Server
from tests.simulator.conftest import short_rush_hour

# Only once riders are under way: what is planted earlier they would take for their first money.
FIND_A_RICH_CARD = """
    SELECT accounts.card_id FROM transit.accounts
    WHERE accounts.balance BETWEEN 20000 AND 90000 AND EXISTS (SELECT FROM transit.trips)
    ORDER BY accounts.card_id LIMIT 1
"""
LOSE_A_CHARGE = "UPDATE transit.accounts SET balance = balance + 3550 WHERE card_id = %s"
DOUBLE_A_RECHARGE = """
    SELECT outcome FROM api.recharge_cards(
        ARRAY[1], ARRAY[%s]::bigint[], ARRAY[7100]::bigint[], ARRAY['machine'],
        ARRAY[NULL]::bigint[], ARRAY[NULL]::text[]
    )
"""


def plant(database: Database, offence: str) -> int:
    """Once riders ride, do to a rich card what nobody asked for; answers the card."""
    connection = database.connect()
    connection.autocommit = True
    deadline = time.monotonic() + 30
    try:
        with connection.cursor() as cursor:
            while time.monotonic() < deadline:
                cursor.execute(FIND_A_RICH_CARD)
                found = cursor.fetchone()
                if found is not None:
                    cursor.execute(offence, (found.card_id,))
                    return int(found.card_id)
                time.sleep(0.05)
    finally:
        connection.close()
    raise AssertionError("nobody rides")


async def drive(url: str, scenario: Scenario) -> Result:
    return await asyncio.wait_for(run_here(url, scenario), 120)


async def test_books_agree_after_everything_a_city_does(server: Callable[..., Server]) -> None:
    scenario = short_rush_hour()
    scenario = replace(
        scenario,
        duration_s=4,
        habits=replace(scenario.habits, lost_factor=200),
        chances=replace(scenario.chances, lost_answer=0.03, duplicate=0.03, reorder=1.0),
    )
    result = await drive(server().url, scenario)
    assert result.recorder.failures == {}
    assert [str(difference) for difference in result.differences] == []
    assert result.books_agree
    assert {"replace_card", "block_card", "upload_taps", "post_positions", "create_alert"} <= set(
        result.recorder.outcomes
    )


@pytest.mark.parametrize("offence", [LOSE_A_CHARGE, DOUBLE_A_RECHARGE])
async def test_an_offence_planted_in_the_database_names_its_card(
    server: Callable[..., Server], fresh_database: Database, offence: str
) -> None:
    running = asyncio.create_task(drive(server().url, short_rush_hour()))
    card_id = await asyncio.to_thread(plant, fresh_database, offence)
    result = await running
    assert not result.books_agree
    assert {difference.card_id for difference in result.differences} == {card_id}
    assert result.differences[0].events
    grown = {name: told - wanted for name, told, wanted in result.total_differences}
    if offence == DOUBLE_A_RECHARGE:
        assert grown["recharged"] == 7100
        assert any("only the service has: recharge of 7100" in line for line in result.statements)


async def test_a_day_passes_in_seconds_on_a_simulated_clock(
    server: Callable[..., Server],
) -> None:
    scenario = replace(load_scenario("steady"), speed=5100, duration_s=60, riders=150, dashboards=0)
    url = server(simulated_clock=True, simulated_clock_start="2026-11-25T03:00:00Z").url
    result = await drive(url, scenario)
    assert result.recorder.failures == {}
    assert [str(difference) for difference in result.differences] == []
    assert result.books_agree
    assert 9 < result.recorder.wall_s < 15
