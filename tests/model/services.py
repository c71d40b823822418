"""The service as the tests of this room speak to it: over HTTP, or straight to its procedures."""

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit


@dataclass(frozen=True)
class TapRequest:
    """One element of a call; `key` is the Idempotency-Key of a single tap."""

    card_id: int
    station_id: int
    route_id: int | None = None
    tapped_at: datetime | None = None
    device_id: int | None = None
    device_seq: int | None = None
    key: str | None = None


@dataclass(frozen=True)
class TapAnswer:
    """What came back; `balance` is None where a single refusal does not say it."""

    outcome: str
    replayed: bool
    trip_id: int | None = None
    fare: int | None = None
    fare_rule: str | None = None
    journey_id: int | None = None
    balance: int | None = None


@dataclass(frozen=True)
class MoneyAnswer:
    """The answer to a recharge, a pass or a replacement; `id` is that of what came to be."""

    outcome: str
    replayed: bool = False
    id: int | None = None
    balance: int | None = None
    debt_repaid: int | None = None
    trips_left: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Line:
    """One line of a statement."""

    kind: str
    amount: int
    balance_after: int
    debt_after: int
    reference_id: int
    at: datetime


@dataclass(frozen=True)
class CardView:
    balance: int
    debt: int
    status: str
    replaced_by: int | None


class Service(Protocol):
    """What both ways of asking answer."""

    def set_clock(self, now: datetime) -> None: ...
    def make_card(self, document_id: str | None, profile: str) -> int: ...
    def tap(self, request: TapRequest) -> TapAnswer: ...
    def tap_batch(self, requests: Sequence[TapRequest]) -> list[TapAnswer]: ...
    def recharge(
        self, card_id: int, amount: int, channel: str | None, key: str | None
    ) -> MoneyAnswer: ...
    def buy_pass(self, card_id: int, key: str | None) -> MoneyAnswer: ...
    def read_pass(self, card_id: int) -> MoneyAnswer: ...
    def replace(self, card_id: int, reason: str, key: str | None) -> MoneyAnswer: ...
    def block(self, card_id: int) -> str: ...
    def unblock(self, card_id: int) -> str: ...
    def read_card(self, card_id: int) -> CardView: ...
    def read_statement(self, card_id: int) -> list[Line]: ...
    def read_trip(self, trip_id: int) -> TapAnswer: ...


class SqlService:
    """The functions of schema `api`, called as the service's role calls them."""

    def __init__(self, connection: Any) -> None:
        connection.autocommit = True
        self._cursor = connection.cursor()

    def _call(self, name: str, parameters: str, *values: Any) -> list[Any]:
        self._cursor.execute(f"SELECT * FROM api.{name}({parameters})", values)
        rows: list[Any] = self._cursor.fetchall()
        return rows

    def set_clock(self, now: datetime) -> None:
        (row,) = self._call("set_clock", "%s, 0", now)
        assert row.outcome == "accepted", row

    def make_card(self, document_id: str | None, profile: str) -> int:
        user_id = None
        if document_id is not None:
            (user,) = self._call(
                "create_users", "'{1}', %s, '{Ana}', '{null}', '{null}'", [document_id]
            )
            user_id = user.user_id
        (card,) = self._call("issue_cards", "'{1}', %s::bigint[], %s", [user_id], [profile])
        return int(card.card_id)

    def tap(self, request: TapRequest) -> TapAnswer:
        return self.tap_batch([request])[0]

    def tap_batch(self, requests: Sequence[TapRequest]) -> list[TapAnswer]:
        rows = self._call(
            "start_trips",
            "%s, %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[],"
            " %s::bigint[], %s::bigint[], %s::text[]",
            list(range(len(requests))),
            [r.card_id for r in requests],
            [r.station_id for r in requests],
            [r.route_id for r in requests],
            [r.tapped_at for r in requests],
            [r.device_id for r in requests],
            [r.device_seq for r in requests],
            [r.key for r in requests],
        )
        return [
            TapAnswer(
                row.outcome, row.replayed, row.trip_id, row.fare, row.fare_rule, row.journey_id,
                row.balance,
            )
            for row in sorted(rows, key=lambda row: row.ref)
        ]  # fmt: skip

    def recharge(
        self, card_id: int, amount: int, channel: str | None, key: str | None
    ) -> MoneyAnswer:
        (row,) = self._call(
            "recharge_cards",
            "'{1}', %s::bigint[], %s::bigint[], %s::text[], '{null}', %s::text[]",
            [card_id], [amount], [channel], [key],
        )  # fmt: skip
        return MoneyAnswer(row.outcome, row.replayed, row.recharge_id, row.balance, row.debt_repaid)

    def buy_pass(self, card_id: int, key: str | None) -> MoneyAnswer:
        (row,) = self._call(
            "buy_monthly_passes", "'{1}', %s::bigint[], %s::text[]", [card_id], [key]
        )
        return MoneyAnswer(
            row.outcome, row.replayed, row.pass_id, row.balance, None, row.trips_left,
            row.expires_at,
        )  # fmt: skip

    def read_pass(self, card_id: int) -> MoneyAnswer:
        (row,) = self._call("read_monthly_pass", "%s", card_id)
        return MoneyAnswer(
            row.outcome, False, row.pass_id, row.balance, None, row.trips_left, row.expires_at
        )

    def replace(self, card_id: int, reason: str, key: str | None) -> MoneyAnswer:
        (row,) = self._call(
            "replace_cards", "'{1}', %s::bigint[], %s, %s::text[]", [card_id], [reason], [key]
        )
        return MoneyAnswer(row.outcome, row.replayed, row.card_id, row.balance)

    def block(self, card_id: int) -> str:
        return str(self._call("block_card", "%s, 'lost'", card_id)[0].outcome)

    def unblock(self, card_id: int) -> str:
        return str(self._call("unblock_card", "%s", card_id)[0].outcome)

    def read_card(self, card_id: int) -> CardView:
        (row,) = self._call("read_card", "%s", card_id)
        return CardView(row.balance, row.debt, row.status, row.replaced_by)

    def read_statement(self, card_id: int) -> list[Line]:
        rows = self._call("list_entries", "%s, null, 10000", card_id)
        return [
            Line(row.kind, row.amount, row.balance_after, row.debt_after, row.reference_id, row.at)
            for row in reversed(rows)
        ]

    def read_trip(self, trip_id: int) -> TapAnswer:
        (row,) = self._call("read_trip", "%s", trip_id)
        return TapAnswer(
            "accepted", False, row.trip_id, row.fare, row.fare_rule, row.journey_id, row.balance
        )


class HttpService:
    """The HTTP API, one connection kept open."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)

    def close(self) -> None:
        self._connection.close()

    def _ask(
        self, method: str, path: str, body: Any = None, key: str | None = None
    ) -> tuple[int, Any, bool]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        content = None if body is None else json.dumps(body)
        self._connection.request(method, f"/api/v1{path}", content, headers)
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        assert response.status < 500, answer
        if response.status >= 400:
            assert answer["status"] == response.status, answer
            assert answer["code"] != "validation_error", answer
        replayed = response.headers.get("Idempotent-Replayed") == "true"
        return response.status, answer, replayed

    def set_clock(self, now: datetime) -> None:
        status, answer, _ = self._ask("PUT", "/clock", {"now": _rfc3339(now), "speed": 0})
        assert status == 200, answer

    def make_card(self, document_id: str | None, profile: str) -> int:
        card = {"profile": profile}
        if document_id is not None:
            user = {"full_name": "Ana", "document_id": document_id}
            card["user_id"] = self._ask("POST", "/users", user)[1]["user_id"]
        status, answer, _ = self._ask("POST", "/cards", card)
        assert status == 201, answer
        return int(answer["card_id"])

    def tap(self, request: TapRequest) -> TapAnswer:
        status, answer, replayed = self._ask(
            "POST", "/trips/start", _tap_json(request), request.key
        )
        if status != 201:
            return TapAnswer(_refusal(status, answer), replayed)
        return TapAnswer(
            "accepted", replayed, answer["trip_id"], answer["fare"], answer["fare_rule"],
            answer["journey_id"], answer["balance"],
        )  # fmt: skip

    def tap_batch(self, requests: Sequence[TapRequest]) -> list[TapAnswer]:
        status, answer, _ = self._ask(
            "POST", "/taps/batch", {"taps": [_tap_json(request) for request in requests]}
        )
        assert status == 200, answer
        taps = [
            TapAnswer(r["outcome"], r["replayed"], r["trip_id"], r["fare"], balance=r["balance"])
            for r in answer["results"]
        ]
        accepted = sum(tap.outcome == "accepted" for tap in taps)
        assert answer["accepted"] == accepted, answer
        assert answer["denied"] == len(taps) - accepted, answer
        assert answer["replayed"] == sum(tap.replayed for tap in taps), answer
        return taps

    def recharge(
        self, card_id: int, amount: int, channel: str | None, key: str | None
    ) -> MoneyAnswer:
        body = {"card_id": card_id, "amount": amount}
        status, answer, replayed = self._ask(
            "POST", "/cards/recharge", body | ({"channel": channel} if channel else {}), key
        )
        if status != 201:
            return MoneyAnswer(_refusal(status, answer), replayed)
        assert answer["amount"] == amount, answer
        return MoneyAnswer(
            "accepted", replayed, answer["recharge_id"], answer["balance"], answer["debt_repaid"]
        )

    def buy_pass(self, card_id: int, key: str | None) -> MoneyAnswer:
        status, answer, replayed = self._ask("POST", f"/cards/{card_id}/monthly-pass", None, key)
        return _pass_answer(status, answer, replayed, "created")

    def read_pass(self, card_id: int) -> MoneyAnswer:
        status, answer, replayed = self._ask("GET", f"/cards/{card_id}/monthly-pass")
        return _pass_answer(status, answer, replayed, "accepted")

    def replace(self, card_id: int, reason: str, key: str | None) -> MoneyAnswer:
        status, answer, replayed = self._ask(
            "POST", f"/cards/{card_id}/replace", {"reason": reason}, key
        )
        if status != 201:
            return MoneyAnswer(_refusal(status, answer), replayed)
        return MoneyAnswer("created", replayed, answer["card_id"], answer["balance"])

    def block(self, card_id: int) -> str:
        status, answer, _ = self._ask("POST", f"/cards/{card_id}/block", {"reason": "lost"})
        return "accepted" if status == 200 else _refusal(status, answer)

    def unblock(self, card_id: int) -> str:
        status, answer, _ = self._ask("POST", f"/cards/{card_id}/unblock")
        return "accepted" if status == 200 else _refusal(status, answer)

    def read_card(self, card_id: int) -> CardView:
        status, card, _ = self._ask("GET", f"/cards/{card_id}")
        assert status == 200, card
        status, balance, _ = self._ask("GET", f"/cards/{card_id}/balance")
        for name in ("balance", "debt", "status"):
            assert balance[name] == card[name], (balance, card)
        return CardView(card["balance"], card["debt"], card["status"], card["replaced_by"])

    def read_statement(self, card_id: int) -> list[Line]:
        lines: list[Line] = []
        cursor = ""
        while True:
            _, page, _ = self._ask("GET", f"/cards/{card_id}/statement?limit=200{cursor}")
            lines += [
                Line(
                    i["kind"], i["amount"], i["balance_after"], i["debt_after"],
                    i["reference_id"], datetime.fromisoformat(i["at"]),
                )
                for i in page["items"]
            ]  # fmt: skip
            if page["next_cursor"] is None:
                return lines[::-1]
            cursor = f"&cursor={page['next_cursor']}"

    def read_trip(self, trip_id: int) -> TapAnswer:
        status, answer, _ = self._ask("GET", f"/trips/{trip_id}")
        assert status == 200, answer
        return TapAnswer(
            "accepted", False, answer["trip_id"], answer["fare"], answer["fare_rule"],
            answer["journey_id"], answer["balance"],
        )  # fmt: skip


# The statuses of the contract, said once more: a refusal must carry its own.
STATUSES = {
    "card_not_found": 404,
    "station_not_found": 404,
    "route_not_found": 404,
    "pass_not_found": 404,
    "insufficient_balance": 402,
    "card_not_active": 409,
    "balance_limit_exceeded": 409,
    "pass_daily_limit": 409,
    "card_not_personalised": 409,
    "pass_in_force": 409,
    "amount_out_of_range": 422,
    "tap_in_future": 422,
    "tap_too_old": 422,
    "no_tariff": 422,
    "idempotency_key_reused": 422,
}


def _refusal(status: int, answer: Any) -> str:
    code = str(answer["code"])
    assert STATUSES[code] == status, answer
    return code


def _pass_answer(status: int, answer: Any, replayed: bool, word: str) -> MoneyAnswer:
    if status >= 400:
        return MoneyAnswer(_refusal(status, answer), replayed)
    expires_at = answer["expires_at"]
    return MoneyAnswer(
        word, replayed, answer["pass_id"], answer["balance"], None, answer["trips_left"],
        expires_at and datetime.fromisoformat(expires_at),
    )  # fmt: skip


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _tap_json(request: TapRequest) -> dict[str, Any]:
    body: dict[str, Any] = {"card_id": request.card_id, "station_id": request.station_id}
    if request.route_id is not None:
        body["route_id"] = request.route_id
    if request.tapped_at is not None:
        body["tapped_at"] = _rfc3339(request.tapped_at)
    if request.device_id is not None:
        body["device_id"], body["device_seq"] = request.device_id, request.device_seq
    return body
