"""What a refused body costs beside a good one of the same size: `python -m tests.bench.bodies`.

Processor time of reading and refusing, without HTTP and without the database, which only the good
ones would reach.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from marshmallow import ValidationError

from transit_api.errors import Problem, problem_answer
from transit_api.http import validation
from transit_api.schemas.strict import BatchSchema, StrictSchema
from transit_api.schemas.trips import TapsBatchRequest, TripStartRequest
from transit_api.schemas.users import UserRequest, UsersBatchRequest

MIB = 2**20


def of_size(body: bytes) -> bytes:
    """Blanks are JSON too."""
    return body + b" " * (MIB - len(body))


def repeated(piece: str, most: int, around: str = "%s") -> bytes:
    room = MIB - len(around)
    return (around % ",".join([piece] * min(most, room // (len(piece) + 1)))).encode()


def many_names(count: int) -> dict[str, int]:
    return {f"n{number}": 0 for number in range(count)}


GOOD = {
    "people": of_size(json.dumps({"users": [UserRequest.example] * 1000}).encode()),
    "taps": of_size(json.dumps({"taps": [TripStartRequest.example] * 1000}).encode()),
}
WRONG_TAP = json.dumps(dict.fromkeys(TripStartRequest.example, "x"))
REFUSED = {
    "names": json.dumps(many_names(75_000)).encode(),
    "short names": repeated('"a":0', MIB, "{%s}"),
    "names of elements": json.dumps({"taps": [many_names(90)] * 1000}).encode(),
    "elements wrong all over": repeated(WRONG_TAP, 1000, '{"taps":[%s]}'),
    "empty elements": repeated("{}", 1000, '{"taps":[%s]}'),
    "texts that cannot be": repeated(
        json.dumps({**UserRequest.example, "full_name": "\x00" * 150, "phone": "x" * 40}),
        1000, '{"users":[%s]}',
    ),
    "elements": repeated("0", MIB, '{"taps":[%s]}'),
    "lists": repeated("[]", MIB, "[%s]"),
    "objects": repeated("{}", MIB, "[%s]"),
    "lists just few enough": repeated("[]", 19_000, "[%s]"),
    "depth": b"[" * 1000 + b"]" * 1000,
    "numbers that orjson does not read": repeated("1", MIB, '["\\ud800",%s]'),
    "long numbers": repeated("9" * 999, MIB, '["\\ud800",%s]'),
    "texts that orjson does not read": repeated('"\\ud800"', 19_000, "[%s]"),
}  # fmt: skip


async def read_and_answer(schema: StrictSchema, raw: bytes) -> tuple[int, int]:
    """What a handler's contract does with a body: the status it gets and the answer's length."""
    try:
        data = validation._parse(raw)
        if isinstance(schema, BatchSchema):
            await validation._read_batch(schema, data)
        else:
            schema.read(data)
    except ValidationError as error:
        answer = problem_answer(validation._invalid(error), "test")
    except Problem as problem:
        answer = problem_answer(problem, "test")
    else:
        return 200, 0
    assert isinstance(answer.body, bytes)
    return answer.status, len(answer.body)


async def least_cost(*works: Callable[[], Awaitable[Any]]) -> list[float]:
    """Seconds of processor time of each, the least of a few rounds in turn."""
    costs = [float("inf")] * len(works)
    for _ in range(5):
        for number, work in enumerate(works):
            began = time.process_time()
            await work()
            costs[number] = min(costs[number], time.process_time() - began)
    return costs


def schema_for(raw: bytes) -> StrictSchema:
    """The batch that a body was meant for."""
    return UsersBatchRequest() if b'"users"' in raw else TapsBatchRequest()


async def ratio(name: str) -> tuple[float, float]:
    """Seconds of a refused body and of good taps, measured in turn."""
    raw = REFUSED[name]
    schema, taps = schema_for(raw), TapsBatchRequest()
    refused, good = await least_cost(
        lambda: read_and_answer(schema, raw), lambda: read_and_answer(taps, GOOD["taps"])
    )
    return refused, good


async def main() -> None:
    """One line a body."""
    for name in REFUSED:
        refused, good = await ratio(name)
        print(f"{name:36} {refused * 1000:6.2f} ms, good {good * 1000:6.2f}: {refused / good:.2f}x")


if __name__ == "__main__":
    asyncio.run(main())
