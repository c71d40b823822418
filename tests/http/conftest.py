"""Telling stories over HTTP: a client that checks every answer against the document."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from tests.conftest import Database
from transit_api.app import make_app
from transit_api.errors import REFUSALS
from transit_api.http.openapi import describe
from transit_api.routes import CLOCK_ROUTES, ROUTES
from transit_api.settings import Settings

TRUNK, OTHER_TRUNK, ZONAL, OTHER_ZONAL = 1, 2, 200, 201
FARE = 3550
# Nobody and nothing has it.
UNKNOWN_ID = 2**53 - 1


@dataclass(frozen=True)
class Answer:
    """What came back; `body` is parsed where it is JSON."""

    status: int
    headers: Any
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["code"])

    @property
    def replayed(self) -> bool:
        return self.headers.get("Idempotent-Replayed") == "true"


# What a field of every problem is.
OF_EVERY_PROBLEM = {"type", "title", "status", "detail", "code", "request_id", "errors", "more"}
# A number of the rules, the same for everybody.
OF_THE_RULES = re.compile(r"\d+ (?:minutes|hours|days)")
A_NUMBER = re.compile(r"\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?|-?\d+")


def judge_facts(code: str, detail: str, body: dict[str, Any]) -> None:
    """AssertionError unless the numbers of the sentence are fields, and fields of this code."""
    refusal = REFUSALS[code]
    facts = {name: value for name, value in body.items() if name not in OF_EVERY_PROBLEM}
    assert facts.keys() <= refusal.facts.keys(), (code, facts)
    # What the parser says of a text that is no JSON is no refusal with figures.
    if detail != refusal.detail and code != "malformed_json" and not code.endswith("_not_found"):
        told = set(A_NUMBER.findall(OF_THE_RULES.sub("", detail)))
        assert told <= {str(value) for value in facts.values()}, (code, detail, facts)


class Contract:
    """The OpenAPI document, as a judge of answers."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        # The document leaves answers open for fields of later releases; this one has no others.
        self._closed = {
            name: {"additionalProperties": False, **schema}
            for name, schema in document["components"]["schemas"].items()
        }
        self._templates = [(path.split("/"), path) for path in document["paths"]]

    def judge(self, method: str, path: str, answer: Answer) -> None:
        """AssertionError unless the document says that this may be answered here."""
        assert answer.headers["X-Request-ID"]
        operation = self._operation(method, path.partition("?")[0])
        if operation is None:
            assert answer.status in (404, 405)
            self._check({"$ref": "#/components/schemas/ProblemResponse"}, answer.body)
            return
        assert str(answer.status) in operation["responses"], (method, path, answer)
        response = operation["responses"][str(answer.status)]
        assert set(response["headers"]) >= {
            name
            for name in answer.headers
            if name in ("Idempotent-Replayed", "Retry-After", "ETag")
        }
        if "content" not in response:
            assert not answer.body
            return
        media_type = answer.headers["Content-Type"].partition(";")[0]
        content = response["content"][media_type]
        if isinstance(answer.body, dict):
            self._check(content["schema"], answer.body)
            if media_type == "application/problem+json":
                assert answer.body["code"] in response["description"], (method, path, answer)
                judge_facts(answer.body["code"], answer.body["detail"], answer.body)
            for result in answer.body.get("results", []):
                if result.get("facts"):
                    judge_facts(result["outcome"], "", result["facts"])

    def _operation(self, method: str, path: str) -> Any:
        parts = path.split("/")
        found = [
            template
            for pieces, template in self._templates
            if len(pieces) == len(parts)
            and all(
                piece == part or (piece.startswith("{") and part.isdigit())
                for piece, part in zip(pieces, parts, strict=True)
            )
        ]
        # A literal path is closer than a template.
        found.sort(key=lambda template: template.count("{"))
        for template in found:
            operation = self.document["paths"][template].get(method.lower())
            if operation:
                return operation
        return None

    def _check(self, schema: Any, body: Any) -> None:
        whole = {**schema, "components": {"schemas": self._closed}}
        OAS30Validator(whole, format_checker=oas30_format_checker).validate(body)


class City:
    """The API as its clients see it, and short ways to the states that stories begin in."""

    def __init__(self, api: TestClient[Any, Any], contract: Contract) -> None:
        self._api = api
        self._contract = contract
        self._numbers = count(1)

    async def ask(self, method: str, path: str, *, body: Any = None, **options: Any) -> Answer:
        """One request; `body` goes out as JSON. Paths that begin with no slash are below v1."""
        if not path.startswith("/"):
            path = f"/api/v1/{path}"
        if body is not None:
            options["data"] = json.dumps(body)
            options["headers"] = {"Content-Type": "application/json", **options.get("headers", {})}
        async with self._api.request(method, path, **options) as response:
            raw = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "")
            parsed = orjson.loads(raw) if is_json and raw else raw.decode()
            answer = Answer(response.status, response.headers, parsed)
        if method != "HEAD":
            self._contract.judge(method, path, answer)
        return answer

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.ask("POST", path, body=body, **options)

    async def walk(self, path: str, limit: int) -> list[Any]:
        """All items of a list, page by page."""
        items: list[Any] = []
        cursor = ""
        while True:
            join = "&" if "?" in path else "?"
            page = (await self.get(f"{path}{join}limit={limit}{cursor}")).body
            assert len(page["items"]) <= limit
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = f"&cursor={page['next_cursor']}"

    async def make_user(self) -> Any:
        document_id = f"CC-{next(self._numbers)}"
        answer = await self.post("users", {"full_name": "Ana Rojas", "document_id": document_id})
        assert answer.status == 201, answer
        return answer.body

    async def make_card(self, *, balance: int = 0, user_id: int | None = None) -> Any:
        """An anonymous card, or one of a user; loaded with `balance`."""
        answer = await self.post("cards", {"user_id": user_id} if user_id else {})
        assert answer.status == 201, answer
        card = answer.body
        for amount in _portions(balance):
            recharged = await self.recharge(card["card_id"], amount)
            assert recharged.status == 201, recharged
        return {**card, "balance": balance}

    async def make_personal_card(self, *, balance: int = 0) -> Any:
        user = await self.make_user()
        return await self.make_card(balance=balance, user_id=user["user_id"])

    async def recharge(self, card_id: int, amount: int, **options: Any) -> Answer:
        return await self.post("cards/recharge", {"card_id": card_id, "amount": amount}, **options)

    async def tap(
        self, card_id: int, station_id: int = TRUNK, *, key: str | None = None, **fields: Any
    ) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        body = {"card_id": card_id, "station_id": station_id, **fields}
        return await self.post("trips/start", body, headers=headers)

    async def balance(self, card_id: int) -> tuple[int, int]:
        body = (await self.get(f"cards/{card_id}/balance")).body
        return body["balance"], body["debt"]

    async def status(self, card_id: int) -> str:
        return str((await self.get(f"cards/{card_id}")).body["status"])


def _portions(balance: int) -> list[int]:
    """Recharges of at most 400,000 that add up to a balance."""
    return [min(400_000, balance - start) for start in range(0, balance, 400_000)]


@pytest.fixture(scope="session")
def contract() -> Contract:
    """What the service promises."""
    return Contract(describe([*ROUTES, *CLOCK_ROUTES]))


@pytest.fixture
def city(api: TestClient[Any, Any], contract: Contract) -> City:
    """The whole application on an empty city, on real time."""
    return City(api, contract)


@contextmanager
def owner_cursor(database: Database) -> Iterator[Any]:
    """What the service's role may not do: prepare a state that the API cannot reach."""
    connection = database.connect()
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


@pytest.fixture
async def simulated_city(
    settings: Settings, fresh_database: Database, aiohttp_client: Any, contract: Contract
) -> AsyncIterator[City]:
    """The same on a simulated clock: 20 November 2026, 6:00 in Bogotá, a Friday."""
    with owner_cursor(fresh_database) as cursor:
        cursor.execute("SELECT api.start_simulated_clock('2026-11-20T06:00:00-05:00')")
        cursor.execute("SELECT api.set_clock(NULL, 0)")
    app = make_app(replace(settings, simulated_clock=True))
    yield City(await aiohttp_client(app), contract)


async def set_clock(city: City, now: str) -> None:
    """Jump forward; the clock of `simulated_city` stands still between jumps."""
    answer = await city.ask("PUT", "clock", body={"now": now})
    assert answer.status == 200, answer
