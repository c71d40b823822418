"""The load: wrk where it is installed, else a closed loop of the simulator's own client."""

import asyncio
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

import orjson
import uvloop

from simulator.client import ApiClient

WRK = shutil.which("wrk")
CLIENT = f"wrk ({WRK})" if WRK else "simulator.client, closed loop"

LUA = """\
local bodies = {{ cards = {{ {cards} }}, stations = {{ {stations} }} }}
local device, seq = {device}, 0
function init(args) math.randomseed({seed}) end
function request() {request} end
local bad = 0
function response(status, headers, body)
  if status >= 300 then bad = bad + 1; if bad <= 3 then io.stderr:write(status .. body .. "\\n") end
  end
end
"""
TAP = """
  seq = seq + 1
  local body = '{{"card_id":' .. bodies.cards[math.random(#bodies.cards)]
    .. ',"station_id":' .. bodies.stations[math.random(#bodies.stations)]
    .. ',"device_id":' .. device .. ',"device_seq":' .. seq .. '}}'
  return wrk.format("POST", "/api/v1/trips/start", {{["Content-Type"]="application/json"}}, body)
"""
BALANCE = """
  local card = bodies.cards[math.random(#bodies.cards)]
  return wrk.format("GET", "/api/v1/cards/" .. card .. "/balance")
"""
devices = count(1)


@dataclass(frozen=True)
class Target:
    """What is asked of which server."""

    url: str
    kind: str  # "tap", "balance", or the path of a GET
    cards: Sequence[int] = ()
    stations: Sequence[int] = ()
    seed: int = 1


def saturate(target: Target, connections: int, seconds: float) -> float:
    """Answers a second with `connections` always busy; any failure is an error, not a number."""
    if WRK:
        return _wrk(target, connections, seconds)
    return uvloop.run(closed_loop(target, connections, seconds))


def _wrk(target: Target, connections: int, seconds: float) -> float:
    command = [
        str(WRK),
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "--timeout",
        "10",
    ]
    if target.kind not in ("tap", "balance"):
        return _rate(subprocess.run([*command, target.url + target.kind], **_CAPTURED))
    script = LUA.format(
        cards=",".join(map(str, target.cards)),
        stations=",".join(map(str, target.stations)),
        device=next(devices) + 10_000_000,
        seed=target.seed,
        request=(TAP if target.kind == "tap" else BALANCE).format(),
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        return _rate(subprocess.run([*command, "-s", file.name, target.url], **_CAPTURED))


_CAPTURED = {"capture_output": True, "text": True, "timeout": 600}


def _rate(done: "subprocess.CompletedProcess[str]") -> float:
    trouble = re.search(r"(Non-2xx.*|Socket errors.*)", done.stdout)
    found = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    if trouble or found is None:
        said = trouble[1] if trouble else done.stdout[-300:]
        raise RuntimeError(f"wrk: {said} {done.stderr[-600:]}")
    return float(found[1])


async def closed_loop(target: Target, connections: int, seconds: float) -> float:
    """The same with the simulator's client, in this process."""
    client = ApiClient(target.url, connections=connections)
    make = request_maker(target)
    deadline = time.perf_counter() + seconds
    answered = 0

    async def one() -> None:
        nonlocal answered
        while time.perf_counter() < deadline:
            method, path, body = make()
            answer = await client.request(method, path, body)
            if answer.status >= 300:
                raise RuntimeError(f"{answer.status} {answer.body[:300]!r}")
            answered += 1

    started = time.perf_counter()
    try:
        await asyncio.gather(*(one() for _ in range(connections)))
    finally:
        client.close()
    return answered / (time.perf_counter() - started)


def request_maker(target: Target) -> Callable[[], tuple[str, str, object]]:
    """Method, path and body of the next request."""
    rng = Random(target.seed)
    device, sequence = next(devices) + 20_000_000, count(1)

    def make() -> tuple[str, str, object]:
        if target.kind == "tap":
            return (
                "POST",
                "/api/v1/trips/start",
                {
                    "card_id": rng.choice(target.cards),
                    "station_id": rng.choice(target.stations),
                    "device_id": device,
                    "device_seq": next(sequence),
                },
            )
        if target.kind == "balance":
            return "GET", f"/api/v1/cards/{rng.choice(target.cards)}/balance", None
        return "GET", target.kind, None

    return make


async def lone_median_ms(target: Target, seconds: float) -> float:
    """The p50 of one connection that asks one thing after the other."""
    client = ApiClient(target.url, connections=1)
    make = request_maker(target)
    taken: list[float] = []
    began = time.perf_counter()
    try:
        while (sent := time.perf_counter()) - began < seconds:
            answer = await client.request(*make())
            if answer.status >= 300:
                raise RuntimeError(f"{answer.status} {answer.body[:300]!r}")
            taken.append((time.perf_counter() - sent) * 1000)
    finally:
        client.close()
    return statistics.median(taken)


async def at_rate(
    target: Target, rate: float, stop: asyncio.Event, refused: list[int] | None = None
) -> list[float]:
    """Open model: one request every 1/rate s until `stop`; latencies in ms from the schedule.

    Where an overload is meant, its refusals are collected in `refused` instead of being an error.
    """
    client = ApiClient(target.url, connections=64)
    make = request_maker(target)
    latencies: list[float] = []
    tasks: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()

    async def one(intended: float) -> None:
        method, path, body = make()
        answer = await client.request(method, path, body)
        if answer.status == 503 and refused is not None:
            refused.append(answer.status)
            return
        if answer.status >= 300:
            raise RuntimeError(f"{answer.status} {answer.body[:300]!r}")
        latencies.append((loop.time() - intended) * 1000)

    intended = loop.time()
    try:
        while not stop.is_set():
            await asyncio.sleep(max(0.0, intended - loop.time()))
            task = loop.create_task(one(intended))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            intended += 1 / rate
        await asyncio.gather(*tasks)
    finally:
        client.close()
    return latencies


async def upload(
    target: Target, streams: int, seconds: float, batch: int = 1_000
) -> tuple[float, float]:
    """Taps a second through /taps/batch with `streams` at a time, and the accepted share."""
    client = ApiClient(target.url, connections=streams)
    rng = Random(target.seed)
    deadline = time.perf_counter() + seconds
    done = accepted = 0

    async def one() -> None:
        nonlocal done, accepted
        device, sequence = next(devices) + 30_000_000, count(1)
        while time.perf_counter() < deadline:
            taps = [
                {
                    "card_id": card, "station_id": rng.choice(target.stations),
                    "device_id": device, "device_seq": next(sequence),
                }
                for card in rng.sample(target.cards, batch)
            ]  # fmt: skip
            answer = await client.request("POST", "/api/v1/taps/batch", {"taps": taps})
            if answer.status != 200:
                raise RuntimeError(f"{answer.status} {answer.body[:300]!r}")
            done += batch
            accepted += int(orjson.loads(answer.body)["accepted"])

    started = time.perf_counter()
    try:
        await asyncio.gather(*(one() for _ in range(streams)))
    finally:
        client.close()
    return done / (time.perf_counter() - started), accepted / max(done, 1)


if __name__ == "__main__":
    sys.exit("run `make bench`")
