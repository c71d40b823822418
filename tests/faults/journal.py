"""The simulator's client, keeping a journal: what was asked, answered, unknown, asked again."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.client import Answer, ApiClient, NoAnswer


@dataclass(slots=True)
class Operation:
    """One thing that a client wants done once, however often it has to ask."""

    path: str
    attempts: int = 0
    unknown: int = 0
    status: int = 0
    replayed: bool = False
    answers: list[dict[str, Any]] = field(default_factory=list)


class Journal(ApiClient):
    """An ApiClient that remembers every operation that has a key."""

    def __init__(self, url: str, connections: int, timeout_s: float) -> None:
        super().__init__(url, connections, timeout_s)
        self.operations: dict[str, Operation] = {}
        self.in_flight = 0
        self.statuses: Counter[str] = Counter()
        self.slowest_503_s = 0.0

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        lose_answer: bool = False,
    ) -> Answer:
        operation = self._operation(path, body, headers)
        if operation is not None:
            operation.attempts += 1
        started = asyncio.get_running_loop().time()
        self.in_flight += 1
        try:
            answer = await super().request(method, path, body, headers, lose_answer)
        except NoAnswer:
            self.statuses["no answer"] += 1
            if operation is not None:
                operation.unknown += 1
            raise
        finally:
            self.in_flight -= 1
        self._note(operation, answer, asyncio.get_running_loop().time() - started)
        return answer

    def _operation(
        self, path: str, body: object, headers: Mapping[str, str] | None
    ) -> Operation | None:
        key = (headers or {}).get("Idempotency-Key")
        if key is None and isinstance(body, dict) and "device_id" in body:
            key = f"{body['device_id']}/{body['device_seq']}"
        if key is None and isinstance(body, dict) and "taps" in body:
            first = body["taps"][0]
            key = f"upload {first['device_id']}/{first['device_seq']}"
        return None if key is None else self.operations.setdefault(key, Operation(path))

    def _note(self, operation: Operation | None, answer: Answer, seconds: float) -> None:
        told = answer.json()
        refusal = f" {told.get('code')}" if answer.status >= 400 else ""
        self.statuses[f"{answer.status}{refusal}"] += 1
        if answer.status == 503:
            self.slowest_503_s = max(self.slowest_503_s, seconds)
        if operation is None:
            return
        if answer.status == 503:
            # Only an overloaded service promises that nothing was done.
            operation.unknown += told.get("code") != "overloaded"
            return
        operation.status = answer.status
        operation.replayed |= answer.header("Idempotent-Replayed") == "true"
        operation.answers.append(told)

    def summary(self) -> dict[str, int]:
        """The counts of one run."""
        all_of_them = self.operations.values()
        return {
            "operations": len(all_of_them),
            "acknowledged": sum(one.status != 0 for one in all_of_them),
            "unknown_then_resolved": sum(
                one.unknown > 0 and one.status != 0 for one in all_of_them
            ),
            "replayed": sum(one.replayed for one in all_of_them),
            "unresolved": sum(one.status == 0 for one in all_of_them),
        }

    def missing_effects(self, trips: set[int], recharges: set[int]) -> list[str]:
        """Acknowledged effects that the database does not hold, and keys with two effects."""
        problems = []
        for key, one in self.operations.items():
            told = {
                (name, value)
                for answer in one.answers
                for item in [answer, *answer.get("results", [])]
                for name in ("trip_id", "recharge_id")
                if isinstance(value := item.get(name), int)
            }
            lost = [
                f"{name} {value}"
                for name, value in told
                if value not in (trips if name == "trip_id" else recharges)
            ]
            if lost:
                problems.append(f"lost: {', '.join(lost)} of key {key}")
            if len(told) > 1 and "results" not in one.answers[0]:
                problems.append(f"two effects: {sorted(told)} of key {key}")
        return problems
