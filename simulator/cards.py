"""One card of an account: when it could be used, what was posted to it, what it was answered."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeVar

from simulator.timeline import Rule, Token

Kind = Literal["recharge", "fare", "fare_correction", "monthly_pass", "replacement", "unclaimed"]
Status = Literal["active", "blocked", "replaced", "expired"]
KeyName = tuple[object, ...] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a card's statement; `amount` is the change of balance - debt."""

    kind: Kind
    amount: int
    balance_after: int
    debt_after: int
    reference: Token
    at: datetime


@dataclass(frozen=True, slots=True)
class Correction:
    """What a late tap changed on another trip; `amount` is what the rider got back."""

    token: Token
    fare_before: int
    fare_after: int

    @property
    def amount(self) -> int:
        return self.fare_before - self.fare_after


@dataclass(frozen=True, slots=True)
class TapDecision:
    """The answer to a tap as it was given then; `balance` is after its corrections."""

    outcome: str
    balance: int
    token: Token | None = None
    fare: int | None = None
    rule: Rule | None = None
    journey: Token | None = None
    corrections: tuple[Correction, ...] = ()
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a recharge, a pass or a replacement."""

    outcome: str
    balance: int
    token: Token | None = None
    amount: int = 0
    debt_repaid: int = 0
    trips_left: int = 0
    replayed: bool = False


AnswerT = TypeVar("AnswerT", TapDecision, Decision)


@dataclass(slots=True)
class CardState:
    """One card of the account: when it could be used, and what was posted to it."""

    issued_at: datetime
    blocks: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    replaced_at: datetime | None = None
    replaced_by: Token | None = None
    expired_at: datetime | None = None
    statement: list[Entry] = field(default_factory=list)
    # Idempotency keys are the card's: what was asked under a key, and what was answered.
    answers: dict[tuple[object, ...], tuple[object, TapDecision | Decision]] = field(
        default_factory=dict
    )

    def status_at(self, moment: datetime) -> Status:
        """Blocked from the block up to the unblock; the time before its issue counts as active."""
        if self.replaced_at is not None and moment >= self.replaced_at:
            return "replaced"
        if self.expired_at is not None and moment >= self.expired_at:
            return "expired"
        for start, end in self.blocks:
            if start <= moment and (end is None or moment < end):
                return "blocked"
        return "active"

    def recall(self, name: KeyName, asked: object, empty: AnswerT) -> AnswerT | None:
        """The same key and the same request answer the same again; with a different request it
        is refused. One key serves one request of a card, whatever the endpoint."""
        if name is None or name not in self.answers:
            return None
        before, answer = self.answers[name]
        if before != asked:
            return replace(empty, outcome="idempotency_key_reused")
        assert isinstance(answer, type(empty))
        return replace(answer, replayed=True)

    def remember(self, name: KeyName, asked: object, answer: AnswerT) -> AnswerT:
        """Refusals from the decision onwards are remembered too."""
        if name is not None:
            self.answers[name] = (asked, answer)
        return answer


def key_name(device_id: int | None, device_seq: int | None, header: str | None) -> KeyName:
    """A tap that carries device fields has its key from these two: a header beside them is
    ignored, and no header can spell them."""
    if device_id is not None:
        return "device", device_id, device_seq
    return None if header is None else ("header", header)
