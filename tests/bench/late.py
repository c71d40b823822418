"""What a late tap costs on a card with a thousand trips: only what it can influence is touched."""

import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2

from tests.bench.population import SEED, make_population
from tests.bench.stack import connect, start_servers
from tests.bench.targets import Bench, Row
from transit_api.database.array_functions import START_TRIPS, Element
from transit_api.database.session import BY_INDEX, as_options

FIRST_EVENING = datetime(2026, 2, 1, 23, tzinfo=UTC)
DAYS, TRIPS_A_DAY = 250, 4
LATE_TAPS = 60


def measure_late_tap(bench: Bench) -> list[Row]:
    """late: a tap up to 6 days late on a card with 1,000 trips, against one of now."""
    del bench
    with start_servers() as servers, connect(servers) as owner:
        owner.execute("SELECT FROM api.start_simulated_clock(%s)", [FIRST_EVENING])
        owner.execute("SELECT outcome FROM api.set_clock(NULL, 0)")
        people = make_population(owner, 100, SEED)
        connection = psycopg2.connect(servers.database_url, options=as_options(BY_INDEX))
        connection.autocommit = True
        with connection.cursor() as cursor:
            card, stations = _rider(owner, people.cards)
            evening = FIRST_EVENING
            for day in range(DAYS):
                evening = FIRST_EVENING + timedelta(days=day)
                owner.execute("SELECT outcome FROM api.set_clock(%s, 0)", [evening])
                _recharge(owner, card)
                hours = range(TRIPS_A_DAY)
                _tap(cursor, [(card, stations[h], evening - timedelta(hours=15 - 4 * h))
                              for h in hours])  # fmt: skip
            late, now = [], []
            for n in range(LATE_TAPS):
                # An hour before a trip, which it makes a transfer.
                at = evening - timedelta(
                    days=1 + n % 6, hours=16 - 4 * (n % TRIPS_A_DAY), minutes=n
                )
                late.append(_tap(cursor, [(card, stations[n], at)]))
                # The clock stands still: a little later each time, so that it is the latest.
                now.append(_tap(cursor, [(card, stations[n], evening + timedelta(seconds=n))]))
        connection.close()
        owner.execute(
            "SELECT (SELECT count(*) FROM transit.ledger_entries WHERE kind = 'fare_correction'),"
            " (SELECT count(*) FROM api.audit())"
        )
        corrections, offences = owner.fetchone()
    ours, yardstick = statistics.median(late), statistics.median(now)
    return [
        Row("late", f"a late tap on a card with {DAYS * TRIPS_A_DAY:,} trips, against one of now",
            ours, yardstick, "ms", "<= 10 ms", ours <= 10 and not offences,
            f"slowest {max(late):.1f} ms, {corrections} corrections, {offences} offences"),
    ]  # fmt: skip


def _tap(cursor: Any, taps: list[tuple[int, int, datetime]]) -> float:
    elements: list[Element] = [
        (card, station, None, at, None, None, None) for card, station, at in taps
    ]
    began = time.perf_counter()
    cursor.execute(START_TRIPS.sql, START_TRIPS.parameters(elements))
    taken_ms = (time.perf_counter() - began) * 1000
    outcomes = {row[1] for row in cursor.fetchall()}
    if outcomes != {"accepted"}:
        raise RuntimeError(f"a tap was answered {outcomes}")
    return taken_ms


def _rider(owner: Any, cards: list[int]) -> tuple[int, list[int]]:
    """A personalised card, and stops between which transfers are free."""
    owner.execute(
        "SELECT card_id FROM api.card WHERE card_id = ANY (%s) AND user_id IS NOT NULL LIMIT 1",
        [cards],
    )
    (card,) = owner.fetchone()
    owner.execute(
        "SELECT station_id FROM transit.stations WHERE component = 'zonal' LIMIT %s", [LATE_TAPS]
    )
    return card, [station for (station,) in owner.fetchall()]


def _recharge(owner: Any, card: int) -> None:
    """Enough for a day, and never above the ceiling."""
    owner.execute(
        "SELECT outcome FROM api.recharge_cards(ARRAY[0], ARRAY[%s::bigint], ARRAY[16000::bigint],"
        " ARRAY['ticket_office'], ARRAY[NULL::bigint], ARRAY[NULL::text])",
        [card],
    )
