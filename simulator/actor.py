"""From a planned event to requests: what a rider, a validator or an app sends and notes."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from time import monotonic
from typing import Any

from simulator.asking import Asker, Turns
from simulator.books import Book, Books, Tap
from simulator.city import Component
from simulator.client import Answer
from simulator.day import DEVICES_A_PLACE, Event
from simulator.world import ServiceClock, Station, format_time, parse_time

UPLOAD_LIMIT = 1000  # taps a batch may hold
DEVICE_BITS = 20  # device ids are the run's number, then the worker's and the validator's


class Actor:
    """Sends what events ask for and keeps the books; one per worker."""

    def __init__(
        self,
        asker: Asker,
        stations: Mapping[str, Station],
        components: Mapping[str, Component],
        books: Books,
        clock: ServiceClock,
        run: int,
        worker: int = 0,
    ) -> None:
        self.asker = asker
        self.ask = asker.ask
        self.recorder = asker.recorder
        self.chances = asker.chances
        self.rng = asker.rng
        self.stations = stations
        self.components = components
        self.books = books
        self.clock = clock
        self.run = run
        self.turns = Turns()
        self.keys = 0
        self.base = (run << DEVICE_BITS) | (worker << 15)
        self.ordinal = {code: number for number, code in enumerate(sorted(components))}
        self.sequence: dict[int, int] = defaultdict(int)
        self.offline: dict[int, list[tuple[int, Tap]]] = {}
        self.handlers: dict[str, Callable[[Event, float], Awaitable[None]]] = {
            "tap": self.tap,
            "found": self.tap,
            "recharge": self.recharge,
            "balance": self.read_balance,
            "history": self.read_history,
            "trips": self.list_trips,
            "arrivals": self.read_arrivals,
            "alerts": self.read_alerts,
            "end": self.end_trip,
            "lose": self.block,
            "replace": self.replace,
        }

    async def act(self, event: Event, intended: float) -> None:
        """Carry out one event of a rider whose time was `intended` (monotonic)."""
        riders = () if event.what in ("arrivals", "alerts") else (event.rider,)
        turn = await self.turns.take(riders)
        try:
            await self.handlers[event.what](event, intended)
        finally:
            self.turns.pass_on(riders, turn)

    def _key(self, book: Book) -> str:
        self.keys += 1
        return f"{self.run}-{book.rider}-{self.keys}"

    # -- taps -------------------------------------------------------------------------------

    def make_tap(self, event: Event, tapped_at: datetime | None) -> Tap:
        """The tap a validator records; the sequence is the validator's own."""
        book = self.books.by_rider[event.rider]
        card_id = book.card_id
        if event.what == "found" and book.lost_card_id is not None:
            card_id = book.lost_card_id
        device = self.ordinal[event.place] * DEVICES_A_PLACE + event.device
        self.sequence[device] += 1
        station = self.stations[event.place].station_id
        return Tap(
            card_id,
            station,
            self.components[event.place],
            self.base | device,
            self.sequence[device],
            tapped_at,
        )

    async def tap(self, event: Event, intended: float) -> None:
        """A validator online sends at once; one out of coverage keeps the tap for later."""
        device = self.ordinal[event.place] * DEVICES_A_PLACE + event.device
        self.recorder.taps_by_place[event.place] += 1
        self.recorder.taps_by_hour[int(event.at // 3600) % 24] += 1
        if device in self.offline:
            self.offline[device].append((event.rider, self.make_tap(event, self.clock.now())))
            return
        tap = self.make_tap(event, None)
        body = tap_body(tap)
        answer = await self.ask("start_trip", intended, "POST", "/trips/start", body, money=True)
        if answer is None:
            return
        book = self.books.by_rider[event.rider]
        told: dict[str, Any] = answer.json()
        now = self.clock.now()
        outcome = str(told.get("code", answer.status))
        if answer.status == 201:
            outcome = "accepted"
            now = parse_time(told["started_at"])
            book.last_trip = (told["trip_id"], now)
        self.books.note_tap(book, tap, outcome, told, now)
        if self.rng.random() < self.chances.duplicate:
            await self._repeat(book, tap, body, answer)

    async def _repeat(self, book: Book, tap: Tap, body: object, first: Answer) -> None:
        """The validator sends the same tap again; the answer must be the same."""
        again = await self.ask(
            "start_trip (repeated)", monotonic(), "POST", "/trips/start", body, money=True
        )
        if again is None:
            return
        if again.status != first.status or strip(again) != strip(first):
            self.books.differ(
                book, tap.card_id, "answer to a repeated tap", strip(again), strip(first)
            )

    async def upload(self, device: int, intended: float) -> None:
        """A validator is back in coverage and sends what it kept."""
        kept = self.offline.pop(device, [])
        riders = tuple({rider for rider, _ in kept})
        turn = await self.turns.take(riders)
        try:
            for start in range(0, len(kept), UPLOAD_LIMIT):
                await self._upload(kept[start : start + UPLOAD_LIMIT], intended)
        finally:
            self.turns.pass_on(riders, turn)

    async def _upload(self, kept: list[tuple[int, Tap]], intended: float) -> None:
        if self.rng.random() < self.chances.reorder:
            self.rng.shuffle(kept)
        body = {"taps": [tap_body(tap) for _, tap in kept]}
        answer = await self.ask("upload_taps", intended, "POST", "/taps/batch", body, money=True)
        if answer is None or answer.status != 200:
            return
        now = self.clock.now()
        results: Any = answer.json()["results"]
        for (rider, tap), result in zip(kept, results, strict=True):
            book = self.books.by_rider[rider]
            self.recorder.outcomes["uploaded tap"][result["outcome"]] += 1
            self.books.note_tap(book, tap, result["outcome"], result, now)

    # -- cards ------------------------------------------------------------------------------

    async def recharge(self, event: Event, intended: float) -> None:
        book = self.books.by_rider[event.rider]
        body = {"card_id": book.card_id, "amount": event.amount, "channel": event.place}
        answer = await self.ask(
            "recharge", intended, "POST", "/cards/recharge", body, self._key(book), money=True
        )
        if answer is None:
            return
        told: dict[str, Any] = answer.json()
        accepted = answer.status == 201
        now = parse_time(told["recharged_at"]) if accepted else self.clock.now()
        outcome = "accepted" if accepted else str(told.get("code", answer.status))
        self.books.note_recharge(book, outcome, told, event.amount, event.place, now)

    async def read_balance(self, event: Event, intended: float) -> None:
        book = self.books.by_rider[event.rider]
        answer = await self.ask("read_balance", intended, "GET", f"/cards/{book.card_id}/balance")
        if answer is not None and answer.status == 200:
            self.books.check_balance(book, answer.json())

    async def read_history(self, event: Event, intended: float) -> None:
        book = self.books.by_rider[event.rider]
        await self.ask("list_recharges", intended, "GET", f"/cards/{book.card_id}/history?limit=10")

    async def list_trips(self, event: Event, intended: float) -> None:
        book = self.books.by_rider[event.rider]
        if book.user_id is None:
            return
        path = f"/trips/user/{book.user_id}?limit=10"
        await self.ask("list_user_trips", intended, "GET", path)

    async def end_trip(self, event: Event, intended: float) -> None:
        book = self.books.by_rider[event.rider]
        if book.last_trip is None:
            return
        body = {
            "trip_id": book.last_trip[0],
            "station_id": self.stations[event.place].station_id,
        }
        book.last_trip = None
        await self.ask("end_trip", intended, "POST", "/trips/end", body, money=True)

    async def block(self, event: Event, intended: float) -> None:
        book = self.books.by_rider[event.rider]
        sent = self.clock.now()
        path = f"/cards/{book.card_id}/block"
        answer = await self.ask(
            "block_card", intended, "POST", path, {"reason": "lost"}, money=True
        )
        if answer is not None and answer.status == 200:
            self.books.note_block(book, sent)

    async def replace(self, event: Event, intended: float) -> None:
        """A personalised card is replaced; an anonymous rider buys another."""
        book = self.books.by_rider[event.rider]
        if book.user_id is None:
            answer = await self.ask("create_card", intended, "POST", "/cards", {})
        else:
            path = f"/cards/{book.card_id}/replace"
            answer = await self.ask(
                "replace_card",
                intended,
                "POST",
                path,
                {"reason": "lost"},
                self._key(book),
                money=True,
            )
        if answer is None or answer.status != 201:
            return
        told: dict[str, Any] = answer.json()
        issued_at = parse_time(told["issued_at"])
        if book.user_id is None:
            self.books.note_new_card(book, told["card_id"], issued_at)
        else:
            self.books.note_replacement(book, told["card_id"], told["balance"], issued_at)

    # -- looking ----------------------------------------------------------------------------

    async def read_arrivals(self, event: Event, intended: float) -> None:
        station_id = self.stations[event.place].station_id
        await self.ask("read_arrivals", intended, "GET", f"/stations/{station_id}/arrivals")

    async def read_alerts(self, event: Event, intended: float) -> None:
        station_id = self.stations[event.place].station_id
        await self.ask("read_alerts", intended, "GET", f"/stations/{station_id}/alerts")


def tap_body(tap: Tap) -> dict[str, object]:
    """The JSON of a tap."""
    body: dict[str, object] = {
        "card_id": tap.card_id,
        "station_id": tap.station_id,
        "device_id": tap.device_id,
        "device_seq": tap.device_seq,
    }
    if tap.route_id is not None:
        body["route_id"] = tap.route_id
    if tap.tapped_at is not None:
        body["tapped_at"] = format_time(tap.tapped_at)
    return body


def strip(answer: Answer) -> dict[str, object]:
    """A body without its request id, by which alone a replay may differ."""
    body = answer.json()
    body.pop("request_id", None)
    return body
