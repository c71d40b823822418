"""The latest working day of the whole city, planned, and as a file that planners can use."""

import csv
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from simulator.city import City
from simulator.day import DEVICES_A_PLACE, Event, Habits, plan_riders, within
from simulator.riders import Rider, make_riders
from simulator.tariffs import BOGOTA_TIME

WEEKDAY_TAPS = 4_000_000  # Bogotá's, December 2025
TAPS_A_RIDER = 1.5  # of a weekday, riders who stay at home included
QUIET = Habits(arrivals=0, alerts=0, balance=0, history=0, trips=0, end=0, lost_factor=0)
# The documented columns of UrbanTrips' table of transactions, in its order.
URBANTRIPS = ("id_trx", "fecha_trx", "id_tarjeta_trx", "modo_trx", "hora_trx", "id_linea_trx",
              "interno_trx", "orden_trx", "latitud_trx", "longitud_trx")  # fmt: skip
# Its words for what we call components.
MODES = {"trunk": "brt", "zonal": "autobus", "cable": "cable"}


def last_weekday(now: datetime) -> datetime:
    """Midnight of the latest working day that is over: taps up to 7 days old are taken."""
    midnight = now.astimezone(BOGOTA_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(1, 5):
        day = midnight - timedelta(days=days)
        if day.weekday() < 5:
            return day
    raise AssertionError("four days in a row hold a working day")


def plan_weekday(city: City, scale: float, seed: int) -> tuple[list[Rider], list[Event]]:
    """The riders and their day's taps and recharges, in order; all of them within the day."""
    count = max(10, int(WEEKDAY_TAPS * scale / TAPS_A_RIDER))
    riders = list(make_riders(city, count, seed))
    events: list[Event] = []
    for rider in riders:
        # one by one: nobody's purse is needed for another day
        planned = plan_riders([rider], {}, city.weekday, QUIET, seed, 0)
        events += within(planned, 0, 86_400)
    events.sort()
    return riders, events


def export_day(path: Path, events: Iterable[Event], city: City, midnight: datetime) -> int:
    """The taps as CSV in the UrbanTrips layout: one line a transaction, riders by number.

    `fecha_trx` is YYYY-MM-DD HH:MM:SS in Bogotá's time, `hora_trx` its hour (0 to 23), `orden_trx`
    counts the card's taps of the day from 0. `id_linea_trx` numbers the trunk's corridors and the
    zonal stops (no route is known of a tap), `interno_trx` the validator: all integers.
    """
    validator = {code: number * DEVICES_A_PLACE for number, code in enumerate(sorted(city.places))}
    lines = number_lines(city)
    taps_of: Counter[int] = Counter()
    written = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(URBANTRIPS)
        for event in events:
            if event.what != "tap":
                continue
            place = city.places[event.place]
            at = midnight + timedelta(seconds=int(event.at))
            written += 1
            writer.writerow((
                written, f"{at:%Y-%m-%d %H:%M:%S}", event.rider,
                MODES[place.component], at.hour, lines[place.code],
                validator[place.code] + event.device, taps_of[event.rider],
                place.latitude, place.longitude,
            ))  # fmt: skip
            taps_of[event.rider] += 1
    return written


def number_lines(city: City) -> dict[str, int]:
    """A line for each place: its corridor, or itself where it has none; numbered from 1."""
    names = {code: place.corridor or code for code, place in city.places.items()}
    numbers = {name: number for number, name in enumerate(sorted(set(names.values())), 1)}
    return {code: numbers[name] for code, name in names.items()}
