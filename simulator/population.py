"""Riders become users with cards and money, through the batch endpoints."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from simulator.books import Books
from simulator.client import ApiClient, NoAnswer
from simulator.riders import Rider, identity
from simulator.world import PREFIX, Unusable, parse_time

BATCH = 1000
ATTEMPTS = 20
PASS_PRICE = 160_000


async def settle(
    client: ApiClient, riders: Iterable[Rider], books: Books, seed: int, run: int
) -> int:
    """Register, issue and load; each rider's book is opened with what came back."""
    settled = 0
    for group in groups(riders, BATCH):
        users = await register(client, group, seed, run)
        await issue(client, group, users, books)
        await load(client, group, books, run)
        settled += len(group)
    return settled


def groups(riders: Iterable[Rider], size: int) -> Iterator[list[Rider]]:
    """The riders in lists of at most `size`."""
    source = iter(riders)
    while group := list(islice(source, size)):
        yield group


async def send(client: ApiClient, path: str, body: Mapping[str, object]) -> list[dict[str, Any]]:
    """One batch; a lost answer is asked again where that is safe to do."""
    for attempt in range(ATTEMPTS):
        try:
            answer = await client.request("POST", PREFIX + path, body)
        except NoAnswer:
            await asyncio.sleep(0.25 * (attempt + 1))
            continue
        if answer.status == 200:
            results: list[dict[str, Any]] = answer.json()["results"]  # type: ignore[assignment]
            return results
        if answer.status != 503:
            raise Unusable(f"POST {path} answered {answer.status} {answer.body[:300]!r}")
        await asyncio.sleep(0.25 * (attempt + 1))
    raise Unusable(f"POST {path} got no answer")


async def register(client: ApiClient, group: list[Rider], seed: int, run: int) -> dict[int, int]:
    """Users for the riders with personalised cards: rider to user_id."""
    named = [rider for rider in group if rider.named]
    if not named:
        return {}
    users = [identity(rider.number, seed, run)._asdict() for rider in named]
    results = await send(client, "/users/batch", {"users": users})
    return {
        rider.number: created(result, "user")["user_id"]
        for rider, result in zip(named, results, strict=True)
    }


async def issue(
    client: ApiClient, group: list[Rider], users: Mapping[int, int], books: Books
) -> None:
    """A card each."""
    cards = [
        {"user_id": users[rider.number], "profile": rider.profile} if rider.named else {}
        for rider in group
    ]
    results = await send(client, "/cards/batch", {"cards": cards})
    for rider, result in zip(group, results, strict=True):
        card = created(result, "card")
        books.open(
            rider.number,
            rider.profile,
            card["card_id"],
            users.get(rider.number),
            parse_time(card["issued_at"]),
        )


async def load(client: ApiClient, group: list[Rider], books: Books, run: int) -> None:
    """The first money on each card, and the monthly passes."""
    with_money = [(rider, first_recharge(rider)) for rider in group if first_recharge(rider)]
    body = [
        {
            "card_id": books.by_rider[rider.number].card_id,
            "amount": amount,
            "channel": "ticket_office",
            "idempotency_key": f"{run}-{rider.number}-first",
        }
        for rider, amount in with_money
    ]
    if body:
        results = await send(client, "/cards/recharge/batch", {"recharges": body})
        for (rider, amount), result in zip(with_money, results, strict=True):
            book = books.by_rider[rider.number]
            now = parse_time(result["recharged_at"])
            books.note_recharge(book, result["outcome"], result, amount, "ticket_office", now)
    for rider in group:
        if rider.kind == "pass_holder":
            await buy_pass(client, rider, books, run)


def first_recharge(rider: Rider) -> int:
    """What the rider's purse holds at the start, and the price of a pass where one is wanted."""
    return rider.purse + (PASS_PRICE if rider.kind == "pass_holder" else 0)


async def buy_pass(client: ApiClient, rider: Rider, books: Books, run: int) -> None:
    """The monthly pass of a pass holder, with the time of its ledger entry."""
    book = books.by_rider[rider.number]
    path = f"{PREFIX}/cards/{book.card_id}"
    key = {"Idempotency-Key": f"{run}-{rider.number}-pass"}
    for attempt in range(ATTEMPTS):
        try:
            answer = await client.request("POST", f"{path}/monthly-pass", headers=key)
            statement = await client.request("GET", f"{path}/statement?limit=1")
        except NoAnswer:
            await asyncio.sleep(0.25 * (attempt + 1))
            continue
        if answer.status == 503 or statement.status != 200:
            await asyncio.sleep(0.25 * (attempt + 1))
            continue
        told: dict[str, Any] = answer.json()
        entries: Any = statement.json()["items"]
        outcome = "created" if answer.status == 201 else str(told.get("code"))
        books.note_pass(book, outcome, told, parse_time(entries[0]["at"]))
        return
    raise Unusable("POST monthly-pass got no answer")


def created(result: dict[str, Any], what: str) -> dict[str, Any]:
    """A batch result that must be a success."""
    if result["outcome"] != "created":
        raise Unusable(f"a {what} was refused: {result['outcome']}")
    return result
