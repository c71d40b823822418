"""The exercises of LAB.md: what a client does to make each defect show, and what it then sees."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import aiohttp
import psycopg2

EXIT_BROKEN: Final = 1
TRUNK, ZONAL = 1, 200
FARE: Final = 3_550
CROWD: Final = 40
MEASURED: Final = 1_000
AT_ONCE: Final = 16
# A worker folds the counters once a second.
FOLDED_AFTER_S: Final = 2.5
# Riders see an alert, or its end, within a second.
ALERT_AGE_S: Final = 2.0

# The database writes its counts down about once a second.
COUNTED_AFTER_S: Final = 2.0
BUSY_AFTER_S: Final = 0.05
# PostgreSQL looks for a deadlock after one second of waiting.
DEADLOCK_S: Final = 1.0
DEADLOCKS: Final = """
    SELECT d.deadlocks FROM pg_catalog.pg_stat_database AS d
    WHERE d.datname = pg_catalog.current_database()
"""

Fields = dict[str, Any]


class LabError(RuntimeError):
    """The exercise could not be done; the message says why."""


@dataclass(frozen=True)
class Seen:
    """What an exercise saw, in a line, and whether the defect was in it."""

    line: str
    broken: bool


class Client:
    """A rider, a validator or a back office, in a few words."""

    def __init__(self, session: aiohttp.ClientSession, url: str, database_url: str) -> None:
        self._session = session
        self._database_url = database_url
        self._url = f"{url.rstrip('/')}/api/v1"

    async def ask(
        self, method: str, path: str, body: Fields | None = None, **headers: str
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, body and headers of one answer; `If_None_Match` becomes If-None-Match."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            async with self._session.request(
                method, f"{self._url}/{path}", json=body, headers=named
            ) as answer:
                text = await answer.read()
                parsed = await answer.json(content_type=None) if text else {}
                return answer.status, parsed, answer.headers
        except (aiohttp.ClientError, TimeoutError) as error:
            raise LabError(f"no answer from {self._url}: {error or 'it took too long'}") from error

    async def do(self, method: str, path: str, body: Fields | None = None, **headers: str) -> Any:
        """The body of an answer that has to be a success."""
        status, answer, _ = await self.ask(method, path, body, **headers)
        if status >= 400:
            raise LabError(f"{method} {path} was answered {status}: {answer.get('title')}")
        return answer

    async def make_card(self, balance: int = 0) -> int:
        """A card of a new user, with that much money on it."""
        user = await self.do(
            "POST", "users", {"full_name": "Ana Rojas", "document_id": f"LAB-{uuid4().hex[:16]}"}
        )
        card = await self.do("POST", "cards", {"user_id": user["user_id"]})
        if balance:
            await self.recharge(card["card_id"], balance)
        return int(card["card_id"])

    async def make_anonymous_card(self, balance: int) -> int:
        """A card without a user, which gets no credit."""
        card = await self.do("POST", "cards", {})
        await self.recharge(card["card_id"], balance)
        return int(card["card_id"])

    async def recharge(self, card_id: int, amount: int, **headers: str) -> Any:
        """Load money on a card."""
        body = {"card_id": card_id, "amount": amount}
        return await self.do("POST", "cards/recharge", body, **headers)

    async def tap_without_end(self, card_id: int) -> None:
        """Keep the account of one card locked, by many calls that wait for each other."""
        while True:
            await asyncio.gather(*(self.tap(card_id) for _ in range(CROWD - 8)))

    async def tap(self, card_id: int, station_id: int = TRUNK) -> tuple[int, Any]:
        """Status and body of a tap, which may be refused."""
        status, body, _ = await self.ask(
            "POST", "trips/start", {"card_id": card_id, "station_id": station_id}
        )
        return status, body

    async def balance(self, card_id: int) -> int:
        """What is on a card now."""
        return int((await self.do("GET", f"cards/{card_id}/balance"))["balance"])

    async def upload(self, taps: list[Fields]) -> tuple[int, Any]:
        """Status and body of an upload of taps."""
        status, body, _ = await self.ask("POST", "taps/batch", {"taps": taps})
        return status, body

    async def open_alert(self, station_id: int) -> int:
        """News of a station, in force from now on."""
        alert = {
            "cause": "DEMONSTRATION", "effect": "DETOUR", "severity_level": "WARNING",
            "header": "Lab", "description": "An exercise.", "station_id": station_id,
        }  # fmt: skip
        return int((await self.do("POST", "alerts", alert))["alert_id"])

    async def total_trips(self) -> int:
        """The counter of all trips; each range of days asked for has a copy of its own."""
        day = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(days=uuid4().int % 10_000)
        path = f"analytics/trips/total?from={day:%Y-%m-%d}"
        return int((await self.do("GET", path))["total_trips"])

    def count_deadlocks(self) -> int:
        """How many PostgreSQL has broken up since it was started."""
        if not self._database_url:
            raise LabError("the database counts the deadlocks: say with --data-dir where it is")
        try:
            connection = psycopg2.connect(self._database_url)
        except psycopg2.Error as error:
            raise LabError("the database that counts deadlocks cannot be reached") from error
        with closing(connection), connection.cursor() as cursor:
            cursor.execute(DEADLOCKS)
            return int(cursor.fetchone()[0])


async def tap_at_once(client: Client) -> Seen:
    """Many validators read one card at the same moment, and it has money for one trip."""
    accepted = Counter[int]()
    # Two workers have to meet in the same thousandths of a second; a few tries are enough.
    for _ in range(10):
        card_id = await client.make_anonymous_card(FARE + 1_450)
        taps = await asyncio.gather(*(client.tap(card_id) for _ in range(CROWD)))
        accepted[sum(status == 201 for status, _ in taps)] += 1
        if max(accepted) > 1:
            break
    return Seen(
        f"{CROWD} taps at once on a card with money for 1 trip: {max(accepted)} accepted",
        max(accepted) > 1,
    )


async def recharge_again(client: Client) -> Seen:
    """A rider's app hears nothing, and sends the same recharge again."""
    card_id = await client.make_card()
    key = uuid4().hex
    for _ in range(5):
        await client.recharge(card_id, 10_000, Idempotency_Key=key)
    balance = await client.balance(card_id)
    return Seen(f"$10.000 sent 5 times with one key: ${balance} on the card", balance != 10_000)


async def close_an_alert(client: Client) -> Seen:
    """An alert is over, and a rider keeps looking at the station."""
    station_id = 1 + uuid4().int % 100
    alert_id = await client.open_alert(station_id)
    path = f"stations/{station_id}/alerts"

    async def shows() -> bool:
        body = await client.do("GET", path)
        return any(alert["alert_id"] == alert_id for alert in body["alerts"])

    await _wait_until(shows)
    await client.do("POST", f"alerts/{alert_id}/close")
    gone = await _wait_until(lambda: _not(shows()))
    _, _, headers = await client.ask("GET", path)
    return Seen(
        f"{ALERT_AGE_S:.0f} s after its end the alert is {'gone' if gone else 'still shown'};"
        f" the answer is {headers['Age']} s old",
        not gone,
    )


async def read_at_once(client: Client) -> Seen:
    """Many riders ask the same, of which no copy is there."""
    day = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(days=uuid4().int % 10_000)
    path = f"analytics/revenue?from={day:%Y-%m-%d}"
    answers = await asyncio.gather(*(client.ask("GET", path) for _ in range(CROWD)))
    # The moment of the reading stands in the answer: those of one reading are alike.
    readings = len({body.get("as_of") for status, body, _ in answers if status == 200})
    return Seen(
        f"{CROWD} riders asked the same at once: the database was read {readings} times",
        # Some come when a reading has ended already: fewer than all read, but many more than one.
        readings > CROWD // 8,
    )


async def count_trips(client: Client) -> Seen:
    """Trips are made, counted, and made again."""
    # One tap before the measurement, so that the counter of today is there.
    await client.tap(await client.make_card(balance=FARE * 2))
    await asyncio.sleep(FOLDED_AFTER_S)
    before = await client.total_trips()
    for _ in range(2):
        await asyncio.gather(*[_tap_once(client) for _ in range(5)])
        await asyncio.sleep(FOLDED_AFTER_S)
    counted = await client.total_trips() - before
    return Seen(f"10 trips were made: the counter went up by {counted}", counted != 10)


async def ask_whether_it_changed(client: Client) -> Seen:
    """An app keeps a copy, and asks whether it is still true after it is not."""
    station_id = 1 + uuid4().int % 100
    path = f"stations/{station_id}/alerts"
    _, _, headers = await client.ask("GET", path)
    etag = headers["ETag"]
    alert_id = await client.open_alert(station_id)

    async def is_new() -> bool:
        status, _, _ = await client.ask("GET", path, If_None_Match=etag)
        return status == 200

    told = await _wait_until(is_new)
    await client.do("POST", f"alerts/{alert_id}/close")
    return Seen(
        f"{ALERT_AGE_S:.0f} s after a new alert the app is told"
        f" {'200, with the alert' if told else '304: its old copy is still true'}",
        not told,
    )


async def upload_crosswise(client: Client) -> Seen:
    """Two buses upload taps of the same cards in opposite orders, while one card is busy.

    Both have locked one half of the cards when they wait for the busy one in the middle.
    """
    before = client.count_deadlocks()
    cards = list(await asyncio.gather(*(client.make_card(balance=FARE) for _ in range(100))))
    cards.sort()
    slowest = 0.0
    rounds = 0
    # Who comes first is chance, so several tries; a long one was a deadlock.
    while rounds < 8 and slowest < DEADLOCK_S:
        rounds += 1
        busy = asyncio.create_task(client.tap_without_end(cards[len(cards) // 2]))
        await asyncio.sleep(BUSY_AFTER_S)
        started = time.perf_counter()
        await asyncio.gather(
            *(client.upload(_taps(order, _new_device(), rounds)) for order in (cards, cards[::-1]))
        )
        slowest = max(slowest, time.perf_counter() - started)
        busy.cancel()

    async def counted() -> bool:
        return client.count_deadlocks() > before

    broken = await _wait_until(counted, COUNTED_AFTER_S)
    return Seen(
        f"tries: {rounds}, each 2 uploads of the same 100 cards; deadlocks:"
        f" {client.count_deadlocks() - before}; the slowest upload took {slowest:.1f} s",
        broken,
    )


async def tap_late(client: Client) -> Seen:
    """A bus out of coverage brings a tap that came before the one that is charged already."""
    card_id = await client.make_card(balance=20_000)
    await client.tap(card_id, TRUNK)
    moment = datetime.now(UTC) - timedelta(minutes=10)
    late = _taps([card_id], _new_device(), 1, ZONAL, moment)
    await client.upload(late)
    entries = (await client.do("GET", f"cards/{card_id}/statement"))["items"]
    told = sum(entry["amount"] for entry in entries)
    balance = await client.balance(card_id)
    return Seen(
        f"${balance} on the card; the entries of its ledger add up to ${told}", told != balance
    )


def _taps(
    cards: list[int], device_id: int, number: int, station_id: int = TRUNK, at: Any = None
) -> list[Fields]:
    moment = (at or datetime.now(UTC)).isoformat()
    return [
        {
            "card_id": card_id, "station_id": station_id, "tapped_at": moment,
            "device_id": device_id, "device_seq": number * 1_000 + index,
        }
        for index, card_id in enumerate(cards)
    ]  # fmt: skip


def _new_device() -> int:
    return 1 + uuid4().int % 2**40


async def _tap_once(client: Client) -> None:
    await client.tap(await client.make_card(balance=FARE + 1_450))


async def _not(answer: Awaitable[bool]) -> bool:
    return not await answer


async def _wait_until(holds: Callable[[], Awaitable[bool]], limit_s: float = ALERT_AGE_S) -> bool:
    """Ask until it holds; False when it does not in time."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if await holds():
            return True
        await asyncio.sleep(0.1)
    return False


async def _tap_measured(client: Client, card_id: int, _: int) -> None:
    await client.tap(card_id)


async def _recharge_measured(client: Client, card_id: int, _: int) -> None:
    await client.recharge(card_id, 5_000, Idempotency_Key=uuid4().hex)


async def _read_measured(client: Client, _: int, number: int) -> None:
    await client.ask("GET", f"stations/{1 + number % 10}/alerts")


async def _upload_measured(client: Client, card_id: int, number: int) -> None:
    await client.upload(_taps([card_id], _new_device(), number))


Play = Callable[[Client], Coroutine[Any, Any, Seen]]
Measured = Callable[[Client, int, int], Coroutine[Any, Any, None]]

# What makes each defect show, and the request that its defence is part of.
EXERCISES: Final[dict[str, tuple[Play, Measured]]] = {
    "no-lock": (tap_at_once, _tap_measured),
    "no-idempotency-key": (recharge_again, _recharge_measured),
    "cache-without-age": (close_an_alert, _read_measured),
    "stampede": (read_at_once, _read_measured),
    "lost-update": (count_trips, _tap_measured),
    "stale-304": (ask_whether_it_changed, _read_measured),
    "unordered-locks": (upload_crosswise, _upload_measured),
    "unposted-correction": (tap_late, _upload_measured),
}


async def measure(client: Client, request: Measured) -> str:
    """The latency of some requests, as many at once as a small city sends."""
    cards = await asyncio.gather(*(client.make_card(balance=100_000) for _ in range(AT_ONCE)))
    took: list[float] = []

    async def send(card_id: int) -> None:
        for number in range(MEASURED // AT_ONCE):
            started = time.perf_counter()
            await request(client, card_id, number)
            took.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*map(send, cards))
    seconds = time.perf_counter() - started
    took.sort()
    return (
        f"{len(took)} requests, {AT_ONCE} at once: {len(took) / seconds:.0f} a second,"
        f" median {took[len(took) // 2] * 1000:.1f} ms,"
        f" p99 {took[int(len(took) * 0.99)] * 1000:.1f} ms"
    )


async def play(name: str, url: str, database_url: str) -> Seen:
    """Do one exercise on the service at `url`."""
    async with _session() as session:
        return await EXERCISES[name][0](Client(session, url, database_url))


def run_exercise(name: str, url: str, database_url: str) -> int:
    """Do an exercise and print what it saw; 1 if the defect shows."""
    seen = asyncio.run(play(name, url, database_url))
    print(seen.line)
    print("broken: the defect shows" if seen.broken else "whole: the defence holds")
    return EXIT_BROKEN if seen.broken else 0


def run_measure(name: str, url: str) -> int:
    """Time the requests that the defence of an exercise is part of."""

    async def run() -> str:
        async with _session() as session:
            return await measure(Client(session, url, ""), EXERCISES[name][1])

    print(asyncio.run(run()))
    return 0


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CROWD), timeout=aiohttp.ClientTimeout(30)
    )
