"""Cards with money, made through the procedures, and the skew of stations both sides share."""

from dataclasses import dataclass
from random import Random
from typing import Any

from simulator.city import read_city

CHUNK = 1_000
# Enough for a hundred taps and more: no side of a ratio may run into refusals.
BALANCE = 400_000
ENOUGH = BALANCE // 2
STATION_SLOTS = 1_000
TRIPS_A_CARD = 80
SEED = 20_261_122


@dataclass(frozen=True)
class Population:
    """Who taps, and where: `stations` holds each station as often as its share of a day."""

    cards: list[int]
    stations: list[int]


def make_population(cursor: Any, size: int, seed: int) -> Population:
    """Issue and load `size` cards, 60 % of them personalised, and the tables pgbench draws from."""
    rng = Random(seed)
    cards: list[int] = []
    for start in range(0, size, CHUNK):
        cards += _issue(cursor, rng, min(CHUNK, size - start))
    stations = _stations(cursor, rng)
    cursor.execute("CREATE SCHEMA bench; GRANT USAGE ON SCHEMA bench TO transit_service")
    for table, values in (("cards", cards), ("stations", stations)):
        cursor.execute(f"CREATE TABLE bench.{table} (n integer PRIMARY KEY, id bigint NOT NULL)")
        cursor.execute(
            f"INSERT INTO bench.{table} SELECT o - 1, v FROM unnest(%s::bigint[])"
            " WITH ORDINALITY AS u (v, o)",
            [values],
        )
        cursor.execute(f"GRANT SELECT ON bench.{table} TO transit_service")
    cursor.execute("ANALYZE")
    return Population(cards, stations)


def _issue(cursor: Any, rng: Random, size: int) -> list[int]:
    refs = list(range(size))
    documents = [f"bench-{rng.getrandbits(64):x}" for _ in refs]
    cursor.execute(
        "SELECT user_id FROM api.create_users(%s, %s, %s, %s::text[], %s::text[])",
        [refs, documents, ["Bench"] * size, [None] * size, [None] * size],
    )
    users = [row[0] if rng.random() < 0.6 else None for row in cursor.fetchall()]
    cursor.execute(
        "SELECT card_id FROM api.issue_cards(%s, %s::bigint[], %s::text[])",
        [refs, users, [None] * size],
    )
    cards = [row[0] for row in cursor.fetchall()]
    _recharge(cursor, cards, BALANCE)
    return cards


def top_up(cursor: Any, people: Population) -> None:
    """Money again for whoever has spent half of it."""
    cursor.execute(
        "SELECT card_id FROM api.card WHERE card_id = ANY (%s) AND balance < %s",
        [people.cards, ENOUGH],
    )
    short = [row[0] for row in cursor.fetchall()]
    for start in range(0, len(short), CHUNK):
        _recharge(cursor, short[start : start + CHUNK], BALANCE - ENOUGH)


def _recharge(cursor: Any, cards: list[int], amount: int) -> None:
    size = len(cards)
    cursor.execute(
        "SELECT count(*) FROM api.recharge_cards(%s, %s::bigint[], %s::bigint[], %s::text[],"
        " %s::bigint[], %s::text[])",
        [list(range(size)), cards, [amount] * size, [None] * size, [None] * size, [None] * size],
    )


def _stations(cursor: Any, rng: Random) -> list[int]:
    """The taps of a weekday decide how often a station stands in the list."""
    cursor.execute("SELECT code, station_id FROM transit.stations")
    ids = dict(cursor.fetchall())
    places = list(read_city(ids).places.values())
    drawn = rng.choices(places, weights=[place.taps for place in places], k=STATION_SLOTS)
    return [ids[place.code] for place in drawn]
