"""Trunk buses on their headways: where each is at a moment, as positions for the service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import cos, hypot, radians
from typing import Any

from simulator.world import Route, Station, format_time

SPEED_KM_H = 21.0  # commercial speed of the trunk as scheduled
DETOUR = 1.25  # streets are longer than straight lines
REPORT_EVERY_S = 20  # buses report every 20 to 30 s
MAX_BUSES_A_ROUTE = 40
CROWDING = ("MANY_SEATS_AVAILABLE", "FEW_SEATS_AVAILABLE", "STANDING_ROOM_ONLY",
            "CRUSHED_STANDING_ROOM_ONLY")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A route as times: seconds from the start at which each stop is reached."""

    route_id: int
    headway_s: int
    sequences: tuple[int, ...]
    points: tuple[tuple[float, float], ...]
    reached: tuple[float, ...]

    @property
    def length_s(self) -> float:
        """From the first stop to the last."""
        return self.reached[-1]

    @property
    def buses(self) -> int:
        """As many as keep the headway."""
        return max(1, min(MAX_BUSES_A_ROUTE, round(self.length_s / self.headway_s)))


def make_line(route: Route, stations: Mapping[int, Station]) -> Line | None:
    """The timetable of a route; None where it has fewer than two stops on the map."""
    stops = [(seq, stations[sid]) for seq, sid in route.stops if sid in stations]
    if len(stops) < 2:
        return None
    reached = [0.0]
    for (_, here), (_, there) in zip(stops, stops[1:], strict=False):
        seconds = distance_km(here, there) * DETOUR / SPEED_KM_H * 3600
        reached.append(reached[-1] + max(30.0, seconds))
    return Line(
        route.route_id,
        route.headway_s,
        tuple(seq for seq, _ in stops),
        tuple((station.latitude, station.longitude) for _, station in stops),
        tuple(reached),
    )


def distance_km(here: Station, there: Station) -> float:
    """Straight line, flat earth: good to a metre over a city."""
    north = (there.latitude - here.latitude) * 111.2
    east = (there.longitude - here.longitude) * 111.2 * cos(radians(here.latitude))
    return hypot(north, east)


class Fleet:
    """Every bus of every line, and where it is."""

    def __init__(self, lines: Sequence[Line], first_vehicle: int) -> None:
        self.buses = [(line, number) for line in lines for number in range(line.buses)]
        self.first_vehicle = first_vehicle

    def report(self, second: int, now: datetime) -> list[dict[str, Any]]:
        """The positions of the buses whose turn it is in this second."""
        turn = second % REPORT_EVERY_S
        return [self.position(index, now) for index in range(turn, len(self.buses), REPORT_EVERY_S)]

    def position(self, index: int, now: datetime) -> dict[str, Any]:
        """One bus, as POST /vehicles/positions takes it."""
        line, number = self.buses[index]
        elapsed = (now.timestamp() + number * line.length_s / line.buses) % line.length_s
        passed = max(i for i, reached in enumerate(line.reached) if reached <= elapsed)
        passed = min(passed, len(line.points) - 2)
        span = line.reached[passed + 1] - line.reached[passed]
        part = (elapsed - line.reached[passed]) / span
        (lat, lon), (next_lat, next_lon) = line.points[passed], line.points[passed + 1]
        return {
            "vehicle_id": self.first_vehicle + index,
            "route_id": line.route_id,
            "stop_sequence": line.sequences[passed],
            "latitude": round(lat + (next_lat - lat) * part, 6),
            "longitude": round(lon + (next_lon - lon) * part, 6),
            "recorded_at": format_time(now),
            "occupancy_status": CROWDING[(index * 7 + now.hour) % len(CROWDING)],
        }


INCIDENTS: tuple[dict[str, str], ...] = (
    {
        "cause": "DEMONSTRATION", "effect": "NO_SERVICE", "severity_level": "SEVERE",
        "header": "Estación cerrada",
        "description": "La estación está cerrada por una manifestación; use las vecinas.",
    },
    {
        "cause": "ACCIDENT", "effect": "DETOUR", "severity_level": "WARNING",
        "header": "Desvío",
        "description": "Los servicios se desvían por un accidente en la vía.",
    },
    {
        "cause": "OTHER_CAUSE", "effect": "SIGNIFICANT_DELAYS", "severity_level": "INFO",
        "header": "Alta afluencia",
        "description": "Alta afluencia de usuarios; los tiempos de espera son mayores.",
    },
)  # fmt: skip


def incident(number: int, station_id: int, now: datetime) -> dict[str, Any]:
    """A closed station, a detour or crowding, by turns, as POST /alerts takes it."""
    return {
        **INCIDENTS[number % len(INCIDENTS)],
        "station_id": station_id,
        "active_from": format_time(now - timedelta(seconds=1)),
    }
