"""A whole weekday through the batch endpoints as fast as they go, every card kept to the peso."""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulator.access import ANYBODY, Access
from simulator.actor import DEVICE_BITS
from simulator.books import compare_totals
from simulator.city import City, Demand, read_city
from simulator.client import ApiClient
from simulator.day import DEVICES_A_PLACE, Event
from simulator.holders import CardIndex, Holders
from simulator.measure import peak_mb
from simulator.population import (
    BATCH,
    Card,
    buy_pass,
    first_recharge,
    groups,
    send,
    settle_group,
)
from simulator.riders import Rider
from simulator.tariffs import BOGOTA_TIME
from simulator.weekday import export_day, last_weekday, plan_weekday
from simulator.world import (
    ServiceClock,
    Station,
    connect,
    each_card,
    format_time,
    parse_time,
    read_clock,
    read_stations,
    read_totals,
)

LANES = 8  # batches in flight; a rider's events always take the same lane
BATCH_TIMEOUT_S = 120.0


@dataclass(slots=True)
class ReplayResult:
    """What a replay did, how fast, and where it differs."""

    riders: int = 0
    taps: int = 0
    recharges: int = 0
    settled_s: float = 0.0
    planned_s: float = 0.0
    replayed_s: float = 0.0
    compared_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    batches: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    total_differences: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def books_agree(self) -> bool:
        """To the peso."""
        return not (self.differences or self.total_differences)


class Replay:
    """One service, one day."""

    def __init__(
        self,
        client: ApiClient,
        stations: Mapping[str, Station],
        city: City,
        seed: int,
        clock: ServiceClock,
    ) -> None:
        self.client = client
        self.stations = stations
        self.demand: Demand = city.weekday
        self.seed = seed
        self.run = int(time.time())
        self.clock = clock
        self.midnight = last_weekday(clock.now()).astimezone(UTC)
        self.holders = Holders(0, ())
        self.recharged = 0
        self.keys = 0
        self.ordinal = {code: number for number, code in enumerate(sorted(city.places))}
        self.sequence: Counter[int] = Counter()
        self.result = ReplayResult()

    async def settle(self, riders: list[Rider], events: Iterable[Event]) -> None:
        """The population, some batches at once; the list is empty afterwards."""
        started = time.monotonic()
        self.holders = Holders(len(riders), events)
        source = groups(take_all(riders), BATCH)
        await asyncio.gather(*(self._settle_some(source) for _ in range(LANES)))
        self.result.riders = len(self.holders)
        self.result.settled_s = time.monotonic() - started

    async def _settle_some(self, source: Iterator[list[Rider]]) -> None:
        for group in source:
            for card in await settle_group(self.client, group, self.seed, self.run):
                await self._hold(card)

    async def _hold(self, card: Card) -> None:
        rider, told = card.rider, card.recharge
        if told is None:
            self.holders.add(rider, card.card_id, card.issued_at, 0)
        else:
            amount = first_recharge(rider)
            at = told.get("recharged_at")
            began_at = parse_time(at) if at else card.issued_at
            self.holders.add(rider, card.card_id, began_at, amount)
            self.recharged += amount
        if rider.kind == "pass_holder":
            _, at = await buy_pass(self.client, rider, card.card_id, self.run)
            self.holders.account(rider.number).buy_pass(card.card_id, at)

    async def drive(self, events: Sequence[Event]) -> None:
        """The day's taps and recharges in their order, in lanes."""
        started, cpu = time.monotonic(), time.process_time()
        lanes = [Lane(self) for _ in range(LANES)]
        split: list[list[Event]] = [[] for _ in range(LANES)]
        for event in events:
            split[event.rider % LANES].append(event)
        await asyncio.gather(*(lane.run(part) for lane, part in zip(lanes, split, strict=True)))
        self.result.replayed_s = time.monotonic() - started
        self.result.cpu_s = time.process_time() - cpu

    def tap_body(self, event: Event, at: datetime) -> dict[str, object]:
        """One element of an upload."""
        device = self.ordinal[event.place] * DEVICES_A_PLACE + event.device
        self.sequence[device] += 1
        return {
            "card_id": self.holders.card_ids[event.rider],
            "station_id": self.stations[event.place].station_id,
            "tapped_at": format_time(at),
            "device_id": (self.run << DEVICE_BITS) | device,
            "device_seq": self.sequence[device],
        }

    def moment(self, event: Event) -> datetime:
        """When the tap was, to the microsecond that travels."""
        return self.midnight + timedelta(microseconds=int(event.at * 1e6))

    def note_tap(self, event: Event, at: datetime, told: Mapping[str, Any], now: datetime) -> None:
        """By the rules, and compare."""
        decision = self.holders.account(event.rider).tap(
            self.holders.card_ids[event.rider],
            self.stations[event.place].station_id,
            self.demand.components[event.place],
            now,
            tapped_at=at,
        )
        self.holders.done(event.rider)
        self.result.taps += 1
        self.result.outcomes[told["outcome"]] += 1
        expected = (decision.outcome, decision.fare, decision.balance)
        answered = (told["outcome"], told["fare"], told["balance"])
        if answered != expected:
            self._differ(event, "tap", answered, expected)

    def note_recharge(self, event: Event, told: Mapping[str, Any]) -> None:
        """By the rules, and compare."""
        at = told.get("recharged_at")
        decision = self.holders.account(event.rider).recharge(
            self.holders.card_ids[event.rider],
            event.amount,
            parse_time(at) if at else self.clock.now(),
            channel=event.place,
        )
        if decision.outcome == "accepted":
            self.recharged += event.amount
        self.holders.done(event.rider)
        expected = (decision.outcome, decision.balance)
        self.result.recharges += 1
        self.result.outcomes[f"recharge {told['outcome']}"] += 1
        answered = (told["outcome"], told.get("balance"))
        if told["outcome"] == "accepted" and answered != expected:
            self._differ(event, "recharge", answered, expected)

    def _differ(self, event: Event, what: str, told: object, expected: object) -> None:
        card_id = self.holders.card_ids[event.rider]
        self.result.differences.append(
            f"card {card_id}: {what} at {event.place}, {event.at:.0f} s of the day: "
            f"answered {told}, by the rules {expected}"
        )

    async def compare(self, before: Mapping[str, int]) -> None:
        """Every card and every total."""
        started = time.monotonic()
        self.holders.fold_all()
        await self._compare_cards()
        after = await read_totals(self.client, self.clock.now())
        expected = {**self.holders.totals(), "recharged": self.recharged}
        self.result.total_differences = compare_totals(before, after, expected)
        self.result.compared_s = time.monotonic() - started
        self.result.peak_mb = peak_mb()

    async def _compare_cards(self) -> None:
        index = CardIndex(self.holders.card_ids)
        seen = bytearray(len(self.holders))
        left = len(self.holders)
        async for card_id, told in each_card(self.client):
            rider = index.rider(card_id)
            if rider is not None and not seen[rider]:
                seen[rider] = True
                left -= 1
                self._compare_card(rider, told)
                if left == 0:
                    return
        for rider, was_seen in enumerate(seen):
            if not was_seen:
                self._compare_card(rider, None)

    def _compare_card(self, rider: int, told: tuple[int, int] | None) -> None:
        net = self.holders.nets[rider]
        expected = (max(net, 0), max(-net, 0))
        if told != expected:
            self.result.differences.append(
                f"card {self.holders.card_ids[rider]}: balance and debt are {told}, by the rules "
                f"{expected}"
            )


def take_all(riders: list[Rider]) -> Iterator[Rider]:
    """Every rider of the list in order, each forgotten by the list once it is taken."""
    riders.reverse()
    while riders:
        yield riders.pop()


class Lane:
    """Batches of one share of the riders, one after another, so that each rider's order holds.

    A batch is sent as its recharges, then its taps. A rider who taps and then loads money waits
    with the money, and with whatever comes after it, for the next batch.
    """

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self.recharges: list[Event] = []
        self.taps: list[Event] = []
        self.tapped: set[int] = set()
        self.later: list[Event] = []
        self.waiting: set[int] = set()

    async def run(self, events: Iterable[Event]) -> None:
        """Send all."""
        for event in events:
            self.add(event)
            while max(len(self.taps), len(self.recharges), len(self.later)) >= BATCH:
                await self.flush()
        while self.taps or self.recharges:
            await self.flush()

    def add(self, event: Event) -> None:
        """Put an event into this batch, or off to the next."""
        is_tap = event.what == "tap"
        if event.rider in self.waiting or (not is_tap and event.rider in self.tapped):
            self.waiting.add(event.rider)
            self.later.append(event)
        elif is_tap:
            self.taps.append(event)
            self.tapped.add(event.rider)
        else:
            self.recharges.append(event)

    async def flush(self) -> None:
        """Money first, then taps."""
        replay = self.replay
        if self.recharges:
            body = {"recharges": [self._recharge_body(event) for event in self.recharges]}
            results = await send(replay.client, "/cards/recharge/batch", body)
            for event, told in zip(self.recharges, results, strict=True):
                replay.note_recharge(event, told)
        if self.taps:
            times = [replay.moment(event) for event in self.taps]
            body = {"taps": [*map(replay.tap_body, self.taps, times)]}
            results = await send(replay.client, "/taps/batch", body)
            replay.result.batches += 1
            now = replay.clock.now()
            for event, at, told in zip(self.taps, times, results, strict=True):
                replay.note_tap(event, at, told, now)
        later, self.later = self.later, []
        self.recharges, self.taps = [], []
        self.tapped.clear()
        self.waiting.clear()
        for event in later:
            self.add(event)

    def _recharge_body(self, event: Event) -> dict[str, object]:
        replay = self.replay
        replay.keys += 1
        return {
            "card_id": replay.holders.card_ids[event.rider],
            "amount": event.amount,
            "channel": event.place,
            "idempotency_key": f"{replay.run}-{event.rider}-{replay.keys}",
        }


async def replay_day(
    url: str, scale: float, seed: int, export: Path | None, access: Access = ANYBODY
) -> ReplayResult:
    """Plan the day, settle its riders, replay it, compare."""
    client = connect(url, LANES * 2, BATCH_TIMEOUT_S, access)
    try:
        clock = await read_clock(client)
        before = await read_totals(client, clock.now())
        stations = await read_stations(client)
        city = read_city(stations)
        replay = Replay(client, stations, city, seed, clock)
        # millions of riders, events and trips stay to the end: walking them again and again in
        # search of garbage would take longer than the replay
        gc.disable()
        started = time.monotonic()
        riders, events = plan_weekday(city, scale, seed)
        replay.result.planned_s = time.monotonic() - started
        if export is not None:
            export_day(export, events, city, replay.midnight.astimezone(BOGOTA_TIME))
        await replay.settle(riders, events)
        await replay.drive(events)
        await replay.compare(before)
        return replay.result
    finally:
        gc.enable()
        client.close()
