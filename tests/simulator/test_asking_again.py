"""What is asked again, what never is, and what becomes of money whose fate stays unknown."""

from random import Random
from typing import Any

import pytest

from simulator import asking
from simulator.asking import Asker, Chances
from simulator.client import Answer, NoAnswer
from simulator.measure import Recorder

OURS = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nX-Request-ID: r-1\r\n"
BROKEN = NoAnswer("the connection broke before the answer")


def answer(status: int, body: bytes = b"{}") -> Answer:
    return Answer(status, OURS % status, body)


class Script:
    """Stands for the service: answers one after the other, the last one for ever."""

    def __init__(self, *answers: Answer | NoAnswer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    async def request(self, *asked: Any) -> Answer:
        self.asked.append(asked[:4])
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, NoAnswer):
            raise given
        return given


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "RETRY_EVERY_S", 0.0)


def make_asker(script: Any) -> Asker:
    return Asker(script, Recorder(), Chances(lost_answer=0.0), Random(1))


async def test_money_is_asked_again_with_its_key_until_it_is_answered() -> None:
    overloaded = answer(503, b'{"code": "overloaded"}')
    script = Script(BROKEN, overloaded, BROKEN, answer(201))
    asker = make_asker(script)
    body = {"card_id": 1, "amount": 5000}
    told = await asker.ask("recharge", 0.0, "POST", "/cards/recharge", body, "k-1", money=True)
    assert told is not None
    assert told.status == 201
    assert (
        script.asked == [("POST", "/api/v1/cards/recharge", body, {"Idempotency-Key": "k-1"})] * 4
    )
    assert asker.recorder.retries == {"no answer": 2, "overloaded": 1}
    assert asker.recorder.failures == {}
    assert asker.unresolved == []


async def test_what_has_no_key_is_never_sent_twice() -> None:
    for trouble in (BROKEN, answer(503, b'{"code": "database_unavailable"}'), answer(500)):
        script = Script(trouble)
        asker = make_asker(script)
        await asker.ask("create_card", 0.0, "POST", "/cards", {})
        assert len(script.asked) == 1
        assert asker.recorder.failures.total() == 1


async def test_money_that_is_never_answered_has_an_unknown_fate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 0.02)
    asker = make_asker(Script(BROKEN))
    told = await asker.ask("recharge", 0.0, "POST", "/cards/recharge", {}, "k-7", money=True)
    assert told is None
    (line,) = asker.unresolved
    assert "k-7" in line
    assert asker.recorder.failures.total() == 1
    assert asker.recorder.outcomes["recharge"] == {"no_answer": 1}


async def test_a_refusal_of_the_rules_is_no_failure_and_a_defect_is_one() -> None:
    refused = answer(402, b'{"code": "insufficient_balance"}')
    asker = make_asker(Script(refused, answer(500, b'{"code": "internal_error"}')))
    for _ in range(2):
        await asker.ask("start_trip", 0.0, "POST", "/trips/start", {}, "k-1", money=True)
    assert asker.recorder.outcomes["start_trip"] == {"insufficient_balance": 1, "internal_error": 1}
    assert asker.recorder.failures == {"start_trip: 500 internal_error": 1}
