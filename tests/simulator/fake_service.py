"""A service that answers by the model of the fare rules, to test the simulator without a database.

It can be told to misbehave: freeze, or one of the misdeeds that `misdeed` names.
"""

import asyncio
import time
from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson
from aiohttp import web

from simulator.city import read_city
from simulator.fares import Account
from simulator.world import format_time, parse_time

COMPONENT = {"portal": "trunk", "trunk": "trunk", "zonal": "zonal", "cable": "cable"}
STATUS = {"insufficient_balance": 402, "card_not_active": 409, "balance_limit_exceeded": 409}
BUSY = 50  # answers


def reply(body: Any, status: int = 200, **headers: str) -> web.Response:
    """JSON, as the service writes it."""
    return web.Response(
        body=orjson.dumps(body),
        status=status,
        content_type="application/json",
        headers={"X-Request-ID": "fake"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
    )


class FakeService:
    """Cards, trips and totals in memory."""

    def __init__(self) -> None:
        self.ids = count(1)
        self.accounts: dict[int, Account] = {}
        self.issued: dict[int, str] = {}
        self.users: dict[int, int | None] = {}
        self.answers: dict[tuple[object, ...], tuple[int, Any]] = {}
        self.recharged = 0
        self.frozen_until = 0.0
        self.busy = asyncio.Event()  # set once riders are under way
        # "forget a fare" or "double a recharge", done once; "hide a card", "owe in secret",
        # "answer a replay otherwise", "miscount" and "break", done whenever it can be
        self.misdeed = ""
        self.broken = 0  # answers that told of a defect
        self.miscounted = count(1)
        self.victim: int | None = None
        self.stations = [
            {
                "station_id": number,
                "code": place.code,
                "name": place.code,
                "kind": place.component,
                "latitude": place.latitude,
                "longitude": place.longitude,
            }
            for number, place in enumerate(read_city().places.values(), 1)
        ]
        self.components = {
            station["station_id"]: COMPONENT[str(station["kind"])] for station in self.stations
        }

    @property
    def driven(self) -> bool:
        """Whether riders have begun to tap; before that they are registered."""
        return bool(self.answers)

    def app(self, *outside: Any) -> web.Application:
        """The routes that the simulator uses, behind what stands outside."""
        app = web.Application(middlewares=[*outside, self._freeze], client_max_size=2**24)
        v1 = "/api/v1"
        app.add_routes(
            [
                web.get("/health/ready", self.ready),
                web.get(f"{v1}/stations", self.list_stations),
                web.get(f"{v1}/routes", self.empty_list),
                web.post(f"{v1}/users/batch", self.create_users),
                web.post(f"{v1}/cards/batch", self.create_cards),
                web.post(f"{v1}/cards/recharge/batch", self.recharge_batch),
                web.post(f"{v1}/cards/recharge", self.recharge),
                web.post(f"{v1}/cards", self.create_card),
                web.get(f"{v1}/cards", self.list_cards),
                web.get(f"{v1}/cards/{{card_id}}/balance", self.balance),
                web.get(f"{v1}/cards/{{card_id}}/statement", self.statement),
                web.get(f"{v1}/cards/{{card_id}}/history", self.empty_list),
                web.post(f"{v1}/cards/{{card_id}}/block", self.block),
                web.post(f"{v1}/cards/{{card_id}}/replace", self.replace),
                web.post(f"{v1}/cards/{{card_id}}/monthly-pass", self.buy_pass),
                web.post(f"{v1}/trips/start", self.start_trip),
                web.post(f"{v1}/trips/end", self.nothing),
                web.get(f"{v1}/trips/user/{{user_id}}", self.empty_list),
                web.post(f"{v1}/taps/batch", self.upload),
                web.get(f"{v1}/stations/{{station_id}}/{{what}}", self.nothing),
                web.get(f"{v1}/analytics/{{tail:.*}}", self.analytics),
                web.post(f"{v1}/alerts", self.create_alert),
                web.post(f"{v1}/alerts/{{alert_id}}/close", self.nothing),
                web.post(f"{v1}/vehicles/positions", self.nothing),
            ]
        )
        return app

    @web.middleware
    async def _freeze(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """While frozen nothing is answered."""
        wait = self.frozen_until - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPNotFound:
            response = reply({"code": "not_found"}, 404)
        return response

    async def ready(self, request: web.Request) -> web.Response:
        return reply({"status": "ok"})

    async def nothing(self, request: web.Request) -> web.Response:
        if self.misdeed == "break" and request.method == "GET":
            self.broken += 1
            return reply({"code": "internal_error"}, 500)
        return reply({}, X_Cache="HIT")

    async def empty_list(self, request: web.Request) -> web.Response:
        return reply({"items": [], "next_cursor": None})

    async def list_stations(self, request: web.Request) -> web.Response:
        start = int(request.query.get("cursor", 0))
        end = start + int(request.query["limit"])
        more = str(end) if end < len(self.stations) else None
        return reply({"items": self.stations[start:end], "next_cursor": more})

    async def create_users(self, request: web.Request) -> web.Response:
        users = (await request.json())["users"]
        return reply(
            {"results": [{"outcome": "created", "user_id": next(self.ids)} for _ in users]}
        )

    def _new_card(self, wish: dict[str, Any]) -> dict[str, Any]:
        card_id, now = next(self.ids), datetime.now(UTC)
        user_id = wish.get("user_id")
        profile = wish.get("profile", "adult" if user_id else "basic")
        self.accounts[card_id] = Account(card_id, now, profile, user_id is not None)
        self.users[card_id] = user_id
        return {"outcome": "created", "card_id": card_id, "issued_at": format_time(now)}

    async def create_card(self, request: web.Request) -> web.Response:
        return reply(self._new_card(await request.json()), 201)

    async def create_cards(self, request: web.Request) -> web.Response:
        cards = (await request.json())["cards"]
        return reply({"results": [self._new_card(wish) for wish in cards]})

    def _recharge(self, wish: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        card_id, now = wish["card_id"], datetime.now(UTC)
        account = self.accounts[card_id]
        channel = wish.get("channel", "ticket_office")
        decision = account.recharge(
            card_id, wish["amount"], now, channel=channel, token=next(self.ids)
        )
        if decision.outcome != "accepted":
            return STATUS.get(decision.outcome, 422), {"code": decision.outcome}
        self.recharged += wish["amount"]
        return 201, {
            "outcome": "accepted",
            "recharge_id": decision.token,
            "balance": decision.balance,
            "recharged_at": format_time(now),
        }

    async def recharge(self, request: web.Request) -> web.Response:
        key = (request.path, request.headers["Idempotency-Key"])
        if key not in self.answers:
            self.answers[key] = self._recharge(await request.json())
        status, body = self.answers[key]
        return reply(body, status)

    async def recharge_batch(self, request: web.Request) -> web.Response:
        wishes = (await request.json())["recharges"]
        return reply({"results": [self._recharge(wish)[1] for wish in wishes]})

    async def buy_pass(self, request: web.Request) -> web.Response:
        card_id = int(request.match_info["card_id"])
        decision = self.accounts[card_id].buy_pass(card_id, datetime.now(UTC), token=next(self.ids))
        return reply(
            {"code": decision.outcome, "pass_id": decision.token},
            201 if decision.outcome == "created" else 409,
        )

    async def block(self, request: web.Request) -> web.Response:
        card_id = int(request.match_info["card_id"])
        self.accounts[card_id].block(card_id, datetime.now(UTC))
        return reply({"card_id": card_id})

    async def replace(self, request: web.Request) -> web.Response:
        card_id = int(request.match_info["card_id"])
        key = (request.path, request.headers["Idempotency-Key"])
        if key not in self.answers:
            account, now, new = self.accounts[card_id], datetime.now(UTC), next(self.ids)
            account.replace(card_id, new, now)
            self.accounts[new] = account
            self.answers[key] = (
                201,
                {
                    "card_id": new,
                    "balance": account.balance,
                    "issued_at": format_time(now),
                },
            )
        status, body = self.answers[key]
        return reply(body, status)

    def _tap(self, wish: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        key = ("tap", wish["device_id"], wish["device_seq"])
        if key in self.answers:
            status, body = self.answers[key]
            otherwise = self.misdeed == "answer a replay otherwise"
            return status, {**body, "balance": -1} if otherwise else body
        if len(self.answers) >= BUSY:
            self.busy.set()
        card_id, now = wish["card_id"], datetime.now(UTC)
        at = parse_time(wish["tapped_at"]) if "tapped_at" in wish else None
        account = self.accounts[card_id]
        self._choose_victim(card_id)
        held = account.net
        decision = account.tap(
            card_id,
            wish["station_id"],
            self.components[wish["station_id"]],
            now,  # type: ignore[arg-type]
            token=next(self.ids),
            tapped_at=at,
            device_id=wish["device_id"],
            device_seq=wish["device_seq"],
        )
        if card_id == self.victim and self.misdeed == "forget a fare":
            account.net = held
        if decision.outcome != "accepted":
            self.answers[key] = STATUS.get(decision.outcome, 409), {"code": decision.outcome}
        else:
            self.answers[key] = (
                201,
                {
                    "trip_id": decision.token,
                    "fare": decision.fare,
                    "fare_rule": decision.rule,
                    "balance": account.balance,
                    "started_at": format_time(at or now),
                },
            )
        return self.answers[key]

    def _choose_victim(self, card_id: int) -> None:
        account = self.accounts[card_id]
        if not self.misdeed or self.victim is not None or not 20_000 <= account.net < 90_000:
            return
        self.victim = card_id
        if self.misdeed == "double a recharge":
            account.recharge(card_id, 7100, datetime.now(UTC), token=next(self.ids))
            self.recharged += 7100

    async def start_trip(self, request: web.Request) -> web.Response:
        status, body = self._tap(await request.json())
        return reply(body, status)

    async def upload(self, request: web.Request) -> web.Response:
        taps = (await request.json())["taps"]
        results = []
        for wish in taps:
            status, body = self._tap(wish)
            refused = {"fare": None, "balance": self.accounts[wish["card_id"]].balance}
            outcome = "accepted" if status == 201 else body["code"]
            results.append({**refused, **body, "outcome": outcome})
        return reply({"results": results})

    async def balance(self, request: web.Request) -> web.Response:
        account = self.accounts[int(request.match_info["card_id"])]
        return reply({"balance": account.balance, "debt": account.debt})

    async def statement(self, request: web.Request) -> web.Response:
        card_id = int(request.match_info["card_id"])
        entries = self.accounts[card_id].statement(card_id)
        return reply(
            {
                "next_cursor": None,
                "items": [
                    {
                        "kind": entry.kind,
                        "amount": entry.amount,
                        "at": format_time(entry.at),
                        "balance_after": entry.balance_after,
                        "debt_after": entry.debt_after,
                        "reference_id": entry.reference,
                        "entry_id": number,
                    }
                    for number, entry in reversed(list(enumerate(entries)))
                ],
            }
        )

    async def list_cards(self, request: web.Request) -> web.Response:
        return reply(
            {
                "next_cursor": None,
                "items": [
                    {
                        "card_id": card_id,
                        "balance": account.balance if account.card == card_id else 0,
                        "debt": (account.debt if account.card == card_id else 0)
                        + (card_id == self.victim and self.misdeed == "owe in secret"),
                    }
                    for card_id, account in self.accounts.items()
                    if not (card_id == self.victim and self.misdeed == "hide a card")
                ],
            }
        )

    async def create_alert(self, request: web.Request) -> web.Response:
        return reply({"alert_id": next(self.ids)}, 201)

    async def analytics(self, request: web.Request) -> web.Response:
        accounts = {id(account): account for account in self.accounts.values()}.values()
        trips = [trip for account in accounts for trip in account.trips]
        return reply(
            {
                "total_trips": len(trips),
                "paid_trips": sum(trip.fare > 0 for trip in trips),
                "transfers": sum(trip.rule == "transfer" for trip in trips),
                "revenue": sum(trip.fare for trip in trips)
                + (next(self.miscounted) if self.misdeed == "miscount" else 0),
                "recharged": self.recharged,
                "outstanding_balance": sum(account.balance for account in accounts),
                "outstanding_debt": sum(account.debt for account in accounts),
                "as_of": format_time(datetime.now(UTC)),
            },
            X_Cache="MISS",
        )
