"""The latest working day of the whole city, planned, and as a file that planners can use."""

import csv
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from simulator.city import City
from simulator.day import Event, Habits, plan_riders, within
from simulator.riders import Rider, make_riders
from simulator.tariffs import BOGOTA_TIME

WEEKDAY_TAPS = 4_000_000  # Bogotá's, December 2025
TAPS_A_RIDER = 1.5  # of a weekday, riders who stay at home included
QUIET = Habits(arrivals=0, alerts=0, balance=0, history=0, trips=0, end=0, lost_factor=0)
URBANTRIPS = ("id_trx", "fecha_trx", "hora_trx", "id_tarjeta_trx", "id_linea_trx", "interno_trx",
              "latitud_trx", "longitud_trx")  # fmt: skip


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
    """The taps as CSV in the UrbanTrips layout: one line a transaction, riders by number."""
    written = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(URBANTRIPS)
        for event in events:
            if event.what != "tap":
                continue
            written += 1
            place = city.places[event.place]
            at = midnight + timedelta(seconds=int(event.at))
            zonal = place.component == "zonal"
            writer.writerow((
                written, f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}", event.rider,
                place.code[-2:] if zonal else place.corridor,
                f"{place.code}-{event.device}" if zonal else place.code,
                place.latitude, place.longitude,
            ))  # fmt: skip
    return written
