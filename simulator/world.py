"""What the service says of itself: stations, routes, cards and totals, read over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.access import ANYBODY, Access
from simulator.client import Answer, ApiClient, NoAnswer

PREFIX = "/api/v1"
TOTALS_PATIENCE_S = 30.0  # longer than any cached total may live
READ_PATIENCE_S = 30.0  # how long a read is asked again before the run ends without its books
READ_AGAIN_S = 0.25


class Unusable(Exception):
    """The service cannot be driven; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Station:
    """A station as the service knows it."""

    station_id: int
    code: str
    name: str
    kind: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Route:
    """A route with its stations in order."""

    route_id: int
    code: str
    kind: str
    headway_s: int
    stops: tuple[tuple[int, int], ...]  # stop_sequence, station_id


@dataclass(slots=True)
class ServiceClock:
    """The service's present time, as far as a client can tell."""

    at: datetime
    measured: float
    speed: float = 1.0

    def now(self) -> datetime:
        return self.at + timedelta(seconds=(time.monotonic() - self.measured) * self.speed)


def connect(url: str, connections: int, timeout_s: float, access: Access = ANYBODY) -> ApiClient:
    """A client of the service at an address."""
    try:
        return ApiClient(url, connections, timeout_s, access)
    except ValueError as error:
        # what stands before an @ may be a password
        raise Unusable(f"--url {url.rpartition('@')[2]}: {error}") from error


async def fetch(
    client: ApiClient, path: str, patience_s: float = READ_PATIENCE_S
) -> dict[str, Any]:
    """One GET that must succeed."""
    answer = await read(client, path, patience_s)
    if answer.status != 200:
        raise Unusable(f"GET {path} answered {answer.status} {answer.json().get('code', '')}")
    return answer.json()


async def read(client: ApiClient, path: str, patience_s: float = READ_PATIENCE_S) -> Answer:
    """The service's own answer to a GET, asked again for a while where there is none."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            answer = await client.request("GET", path)
            if answer.is_ours and answer.status != 503:
                return answer
            trouble = f"answered {answer.status} {answer.json().get('code', '')}".strip()
            if not answer.is_ours:
                trouble += ", not the service's answer"
        except NoAnswer as error:
            trouble = f"got no answer: {error}"
        if time.monotonic() >= deadline:
            raise Unusable(f"GET {path} {trouble}")
        await asyncio.sleep(READ_AGAIN_S)


async def pages(client: ApiClient, path: str, limit: int = 200) -> AsyncIterator[dict[str, Any]]:
    """Every item of a list."""
    cursor = ""
    sign = "&" if "?" in path else "?"
    while True:
        page = await fetch(client, f"{path}{sign}limit={limit}{cursor}")
        for item in page["items"]:
            yield item
        if not page.get("next_cursor"):
            return
        cursor = f"&cursor={page['next_cursor']}"


async def read_stations(client: ApiClient) -> dict[str, Station]:
    """Every station by code."""
    found = {}
    async for item in pages(client, f"{PREFIX}/stations"):
        found[item["code"]] = Station(
            item["station_id"],
            item["code"],
            item["name"],
            item["kind"],
            item["latitude"],
            item["longitude"],
        )
    if not found:
        raise Unusable("the service knows no stations")
    return found


async def read_routes(client: ApiClient, kind: str) -> list[Route]:
    """The routes of a kind with their stations."""
    heads = [item async for item in pages(client, f"{PREFIX}/routes?kind={kind}")]
    bodies = await asyncio.gather(
        *(fetch(client, f"{PREFIX}/routes/{head['route_id']}") for head in heads)
    )
    return [
        Route(
            body["route_id"],
            body["code"],
            body["kind"],
            body["headway_s"] or 600,
            tuple((stop["stop_sequence"], stop["station_id"]) for stop in body["stations"]),
        )
        for body in bodies
    ]


async def read_clock(client: ApiClient) -> ServiceClock:
    """The simulated clock where there is one, else the machine's own."""
    answer = await read(client, f"{PREFIX}/clock")
    if answer.status == 200:
        body: dict[str, Any] = answer.json()
        return ServiceClock(parse_time(body["now"]), time.monotonic(), float(body["speed"]))
    return ServiceClock(datetime.now(UTC), time.monotonic())


async def read_cards(client: ApiClient, wanted: set[int]) -> dict[int, tuple[int, int]]:
    """Balance and debt of the wanted cards, out of the list of all, newest first."""
    found: dict[int, tuple[int, int]] = {}
    async for card_id, told in each_card(client):
        if card_id in wanted:
            found[card_id] = told
            if len(found) == len(wanted):
                break
    return found


async def each_card(client: ApiClient) -> AsyncIterator[tuple[int, tuple[int, int]]]:
    """Every card with its balance and debt, newest first."""
    async for card in pages(client, f"{PREFIX}/cards", limit=1000):
        yield card["card_id"], (card["balance"], card["debt"])


async def read_totals(client: ApiClient, not_before: datetime | None = None) -> dict[str, int]:
    """The service's totals, read from the database no earlier than `not_before`."""
    totals: dict[str, int] = {}
    for path in ("trips/total", "revenue"):
        deadline = time.monotonic() + TOTALS_PATIENCE_S
        while True:
            body = await fetch(client, f"{PREFIX}/analytics/{path}")
            if not_before is None or parse_time(body["as_of"]) >= not_before:
                break
            if time.monotonic() > deadline:
                raise Unusable(f"analytics/{path} stays as of {body['as_of']}")
            await asyncio.sleep(0.25)
        totals.update({name: value for name, value in body.items() if isinstance(value, int)})
    return totals


def parse_time(text: str) -> datetime:
    """A time of the service."""
    return datetime.fromisoformat(text)


def format_time(moment: datetime) -> str:
    """A time for the service: UTC, microseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
