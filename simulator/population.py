"""Riders become users with cards and money, through the batch endpoints."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from simulator.books import Books
from simulator.client import ApiClient, NoAnswer
from simulator.riders import Rider, identity
from simulator.world import PREFIX, Unusable, parse_time

BATCH = 1000
ATTEMPTS = 20
ANOTHER_RUN = 10**10  # beyond any run's number, so that documents of another attempt are new ones
PASS_PRICE = 160_000


class Card(NamedTuple):
    """A card just issued; `recharge` is the answer to its first money, if there was any."""

    rider: Rider
    card_id: int
    user_id: int | None
    issued_at: datetime
    recharge: dict[str, Any] | None


async def settle(
    client: ApiClient, riders: Iterable[Rider], books: Books, seed: int, run: int
) -> int:
    """Register, issue and load; each rider's book is opened with what came back."""
    for group in groups(riders, BATCH):
        for card in await settle_group(client, group, seed, run):
            rider = card.rider
            book = books.open(
                rider.number, rider.profile, card.card_id, card.user_id, card.issued_at
            )
            if card.recharge is not None:
                now = parse_time(card.recharge["recharged_at"])
                amount = first_recharge(rider)
                outcome = card.recharge["outcome"]
                books.note_recharge(book, outcome, card.recharge, amount, "ticket_office", now)
            if rider.kind == "pass_holder":
                told, at = await buy_pass(client, rider, card.card_id, run)
                books.note_pass(book, str(told.get("code", "created")), told, at)
    return len(books.by_rider)


async def settle_group(
    client: ApiClient, group: Sequence[Rider], seed: int, run: int
) -> list[Card]:
    """Users, cards and first money of at most a batch of riders."""
    users = await register(client, group, seed, run)
    cards = await issue(client, group, users)
    loaded = await load(client, group, cards, run)
    return [
        Card(
            rider,
            card["card_id"],
            users.get(rider.number),
            parse_time(card["issued_at"]),
            loaded.get(rider.number),
        )
        for rider, card in zip(group, cards, strict=True)
    ]


def groups(riders: Iterable[Rider], size: int) -> Iterator[list[Rider]]:
    """The riders in lists of at most `size`."""
    source = iter(riders)
    while group := list(islice(source, size)):
        yield group


async def send(
    client: ApiClient,
    path: str,
    body: Mapping[str, object] | Callable[[int], Mapping[str, object]],
) -> list[dict[str, Any]]:
    """One batch; where no answer of the service came it is sent again, with the body that the
    number of the attempt asks for where that differs."""
    for attempt in range(ATTEMPTS):
        sent = body(attempt) if callable(body) else body
        try:
            answer = await client.request("POST", PREFIX + path, sent)
        except NoAnswer:
            await asyncio.sleep(0.25 * (attempt + 1))
            continue
        if answer.is_ours and answer.status == 200:
            results: Any = answer.json()["results"]
            return list(results)
        if answer.is_ours and answer.status != 503:
            raise Unusable(f"POST {path} answered {answer.status} {answer.body[:300]!r}")
        await asyncio.sleep(0.25 * (attempt + 1))
    raise Unusable(f"POST {path} got no answer")


async def register(
    client: ApiClient, group: Sequence[Rider], seed: int, run: int
) -> dict[int, int]:
    """Users for the riders with personalised cards: rider to user_id."""
    named = [rider for rider in group if rider.named]
    if not named:
        return {}

    def body(attempt: int) -> dict[str, object]:
        # A registration has no key: one whose answer was lost has taken its documents.
        documents = run + attempt * ANOTHER_RUN
        return {"users": [identity(rider.number, seed, documents)._asdict() for rider in named]}

    results = await send(client, "/users/batch", body)
    return {
        rider.number: created(result, "user")["user_id"]
        for rider, result in zip(named, results, strict=True)
    }


async def issue(
    client: ApiClient, group: Sequence[Rider], users: Mapping[int, int]
) -> list[dict[str, Any]]:
    """A card each."""
    cards = [
        {"user_id": users[rider.number], "profile": rider.profile} if rider.named else {}
        for rider in group
    ]
    results = await send(client, "/cards/batch", {"cards": cards})
    return [created(result, "card") for result in results]


async def load(
    client: ApiClient, group: Sequence[Rider], cards: Sequence[dict[str, Any]], run: int
) -> dict[int, dict[str, Any]]:
    """The first money on each card: rider to answer."""
    with_money = [
        (rider, card["card_id"])
        for rider, card in zip(group, cards, strict=True)
        if first_recharge(rider)
    ]
    if not with_money:
        return {}
    body = [
        {
            "card_id": card_id,
            "amount": first_recharge(rider),
            "channel": "ticket_office",
            "idempotency_key": f"{run}-{rider.number}-first",
        }
        for rider, card_id in with_money
    ]
    results = await send(client, "/cards/recharge/batch", {"recharges": body})
    return {rider.number: result for (rider, _), result in zip(with_money, results, strict=True)}


def first_recharge(rider: Rider) -> int:
    """What the rider's purse holds at the start, and the price of a pass where one is wanted."""
    return rider.purse + (PASS_PRICE if rider.kind == "pass_holder" else 0)


async def buy_pass(
    client: ApiClient, rider: Rider, card_id: int, run: int
) -> tuple[dict[str, Any], datetime]:
    """The monthly pass of a pass holder: the answer, and the time of its ledger entry."""
    path = f"{PREFIX}/cards/{card_id}"
    key = {"Idempotency-Key": f"{run}-{rider.number}-pass"}
    for attempt in range(ATTEMPTS):
        try:
            answer = await client.request("POST", f"{path}/monthly-pass", headers=key)
            statement = await client.request("GET", f"{path}/statement?limit=1")
        except NoAnswer:
            await asyncio.sleep(0.25 * (attempt + 1))
            continue
        told = answer.is_ours and answer.status != 503
        if told and statement.is_ours and statement.status == 200:
            entries: Any = statement.json()["items"]
            return answer.json(), parse_time(entries[0]["at"])
        await asyncio.sleep(0.25 * (attempt + 1))
    raise Unusable("POST monthly-pass got no answer")


def created(result: dict[str, Any], what: str) -> dict[str, Any]:
    """A batch result that must be a success."""
    if result["outcome"] != "created":
        raise Unusable(f"a {what} was refused: {result['outcome']}")
    return result
