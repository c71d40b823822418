"""The service and the model side by side: whatever chance draws is done to both, and every answer,
balance, statement and present fare is compared."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from random import Random
from typing import Any
from uuid import uuid4

from simulator.cards import Decision, TapDecision
from simulator.fares import Account
from simulator.tariffs import BOGOTA, BOGOTA_TIME, Component, Rules, service_day
from tests.model.services import MoneyAnswer, Service, TapAnswer, TapRequest

MINUTE, DAY, TICK = timedelta(minutes=1), timedelta(days=1), timedelta(microseconds=1)

# Stations and routes of the network's data files, by what the fare rules see of them.
COMPONENTS: dict[int, Component] = {
    1: "trunk", 2: "trunk", 3: "trunk", 154: "cable", 158: "zonal", 159: "zonal", 160: "zonal",
}  # fmt: skip
ROUTES = (1, 2)
NOWHERE = 999_999

# Just before what is of interest: tariffs, a month's end, a leap day, an ordinary morning.
STARTS = [
    datetime.fromisoformat(text).replace(tzinfo=BOGOTA_TIME)
    for text in (
        "2024-02-12 19:00", "2024-02-10 06:00", "2025-01-17 21:30", "2026-01-13 22:00",
        "2024-01-31 20:00", "2024-02-29 23:00", "2023-12-31 21:00", "2026-03-02 06:00",
    )
]  # fmt: skip


PROFILES = ("adult", "adult", "senior", "senior_c", "low_income_b", "disability_a", "basic")


def midnight(moment: datetime) -> datetime:
    """Where its service day began."""
    return datetime.combine(service_day(moment), time(), BOGOTA_TIME)


def draw_ago(random: Random) -> timedelta:
    """How far behind the clock a tap is stamped; a little ahead of it too."""
    kind = random.random()
    if kind < 0.5:
        return random.randint(0, 200) * MINUTE
    if kind < 0.85:
        return random.randint(0, 7 * 24 * 60) * MINUTE
    if kind < 0.9:
        return -random.randint(0, 5) * MINUTE
    edges = (timedelta(0), TICK, -5 * MINUTE, -5 * MINUTE - TICK, 7 * DAY, 7 * DAY + TICK)
    return random.choice(edges)


def draw_offset(random: Random) -> timedelta:
    """How far from another trip of the account: at the edges of windows and days, or close."""
    if random.random() < 0.5:
        return random.randint(-130, 130) * MINUTE
    edge = random.choice((0, 0, 110, 125, 24 * 60)) * MINUTE + random.choice((-1, 0, 1)) * TICK
    return random.choice((1, -1)) * edge


def draw_route(random: Random) -> int | None:
    if random.random() < 0.01:
        return NOWHERE
    return random.choice((None, None, *ROUTES))


def draw_key(random: Random) -> str | None:
    return random.choice("abcdef") if random.random() < 0.25 else None


class SideBySide:
    """Three accounts; the ids that the service gives are the model's tokens.

    The methods that take `random` draw one thing that happens; `finish` compares the books.
    """

    def __init__(
        self,
        service: Service,
        restart_clock: Callable[[datetime], None],
        random: Random,
        rules: Rules = BOGOTA,
    ) -> None:
        self.service = service
        self.now = random.choice(STARTS)
        self.accounts: list[Account] = []
        self.sent: list[TapRequest] = []
        self.asked: list[Callable[[], None]] = []
        restart_clock(self.now)
        for _ in range(3):
            profile = random.choice(PROFILES)
            document = None if profile == "basic" else uuid4().hex
            card_id = service.make_card(document, profile)
            account = Account(card_id, self.now, profile, document is not None, rules)
            self.accounts.append(account)
            amount = random.choice((0, 3000, 20_000, 200_000))
            if amount:
                self._recharge(account, card_id, amount, None, None)
        if random.random() < 0.2:
            self._commute(self.accounts[0], random)

    def tap(self, random: Random) -> None:
        request = replace(self._draw_tap(random), key=draw_key(random))
        if random.random() < 0.3:
            request = replace(request, tapped_at=None)
        answer = self.service.tap(request)
        self._compare_tap(request, answer, self._tap_model(request, answer))
        self.sent.append(request)

    def tap_batch(self, random: Random) -> None:
        requests = [self._draw_tap(random) for _ in range(random.randint(1, 12))]
        requests = [
            r if r.device_id else replace(r, device_id=99, device_seq=n)
            for n, r in enumerate(requests, 1)
        ]
        self._send_batch(requests)
        self.sent += requests

    def tap_again(self, random: Random) -> None:
        if not self.sent:
            return
        request = random.choice(self.sent[-12:])
        if random.random() < 0.2:
            request = replace(request, station_id=2 if request.station_id == 1 else 1)
        answer = self.service.tap(request)
        self._compare_tap(request, answer, self._tap_model(request, answer))

    def ask_again(self, random: Random) -> None:
        """A recharge, pass or replacement once more, with its key."""
        if self.asked:
            random.choice(self.asked[-4:])()

    def recharge(self, random: Random) -> None:
        account = random.choice(self.accounts)
        amounts = (50, 49, 200, 3550, 7100, 9_999, 10_000, 20_000, 200_001, 418_000, 418_001)
        amount = random.choice(amounts)
        tariff = account.rules.tariff(self.now)
        target = random.choice((None, None, 0, tariff.trunk, tariff.zonal, 500_000))
        if target is not None and target > account.net:
            more = random.choice((-1, 0, 1))
            amount = min(max(target - account.net + more, 1), 450_000)
        if account.debt > 50 and random.random() < 0.6:
            amount = random.choice((random.randint(50, account.debt), account.debt + tariff.trunk))
        channels = ("ticket_office", "machine", "retail", "online", "wallet", None)
        card_id = self._draw_card(account, random)
        channel, key = random.choice(channels), self._draw_money_key(random)
        self._ask(lambda: self._recharge(account, card_id, amount, channel, key))

    def live_a_card(self, random: Random) -> None:
        """What happens to cards but rides and money; the rare ones rarely."""
        account = random.choice(self.accounts)
        card_id = self._draw_card(account, random)
        what = random.choices(("pass", "block", "unblock", "replace"), (3, 1, 3, 1))[0]
        if what == "pass":
            if random.random() < 0.5 and account.net < 160_000:
                self._recharge(account, card_id, 160_000 - account.net, None, None)
            key = self._draw_money_key(random)
            self._ask(lambda: self._buy_pass(account, card_id, key))
        elif what == "block":
            assert self.service.block(card_id) == account.block(card_id, self.now)
        elif what == "unblock":
            assert self.service.unblock(card_id) == account.unblock(card_id, self.now)
        else:
            reason, key = random.choice(("lost", "stolen")), self._draw_money_key(random)
            self._ask(lambda: self._replace(account, card_id, reason, key))
        self._compare_cards(account)

    def live_under(self, rules: Rules) -> None:
        """From now on taps are priced by these rules; what was priced keeps its tariff."""
        for account in self.accounts:
            account.rules = rules

    def expire_all(self) -> None:
        """The maintenance of the service expired every card."""
        for account in self.accounts:
            account.expire(self.now)
            self._compare_cards(account)

    def jump(self, step: timedelta) -> None:
        self._set_clock(self.now + step)

    def pass_time(self, random: Random) -> None:
        kind = random.random()
        ends = [p.expires_at for a in self.accounts for p in a.timeline.passes if p.expires_at]
        if kind < 0.1 and ends and max(ends) > self.now + TICK:
            self._set_clock(max(ends) - random.choice((0, 1)) * TICK)
        elif kind < 0.5:
            self._set_clock(self.now + random.randint(0, 180) * MINUTE)
        elif kind < 0.7:
            step = random.choice((TICK, 4 * 60 * MINUTE, DAY, 7 * DAY, 30 * DAY))
            self._set_clock(self.now + step)
        else:
            self._pass_to_midnight(random.choice((TICK, timedelta(0), -MINUTE)), kind > 0.9)

    def _pass_to_midnight(self, before: timedelta, month: bool) -> None:
        """To the end of the day or month."""
        end = midnight(self.now + DAY)
        while month and end.day != 1:
            end += DAY
        self._set_clock(max(self.now, end - before))

    def finish(self) -> None:
        for account in self.accounts:
            self._compare_cards(account)
            self._compare_books(account)

    def _set_clock(self, now: datetime) -> None:
        self.now = now
        self.service.set_clock(now)

    def _ask(self, ask: Callable[[], None]) -> None:
        ask()
        self.asked.append(ask)

    def _draw_money_key(self, random: Random) -> str | None:
        """Mostly one of its own, so that asking again is a replay."""
        return random.choice((None, "a", "b", *[f"own-{len(self.asked)}"] * 5))

    def _draw_card(self, account: Account, random: Random) -> int:
        """The newest card, at times an older one."""
        cards = list(account.cards)
        return int(random.choice(cards) if random.random() < 0.2 else cards[-1])

    def _newest_tariff(self) -> datetime:
        """When the latest tariff began, if a tap can still be of that time; else now."""
        began = self.accounts[0].rules.tariff(self.now + 5 * MINUTE).valid_from
        return began if began > self.now - 7 * DAY else self.now

    def _draw_tap(self, random: Random) -> TapRequest:
        account = random.choice(self.accounts)
        tapped_at = self.now - draw_ago(random)
        edge = random.random()
        if edge < 0.06:
            days = (midnight(self.now - random.randint(0, 5) * DAY), self._newest_tariff())
            tapped_at = random.choice(days) - random.choice((0, 1)) * TICK
        elif account.trips and edge < 0.5:
            near = random.choice(account.trips[-6:]).at + draw_offset(random)
            # Far away trips cannot be joined any more: then the moment drawn stays.
            if self.now - 7 * DAY <= near <= self.now + 5 * MINUTE:
                tapped_at = near
        device_id, device_seq = None, None
        if random.random() < 0.7:
            device_id, device_seq = random.randint(8, 12), random.randint(1, 60)
        return TapRequest(
            self._draw_card(account, random),
            NOWHERE if random.random() < 0.01 else random.choice(list(COMPONENTS)),
            draw_route(random),
            tapped_at,
            device_id,
            device_seq,
        )

    def _account_of(self, card_id: int) -> Account:
        return next(account for account in self.accounts if card_id in account.cards)

    def _tap_model(self, request: TapRequest, answer: TapAnswer) -> TapDecision:
        return self._account_of(request.card_id).tap(
            request.card_id,
            request.station_id,
            COMPONENTS.get(request.station_id),
            self.now,
            token=answer.trip_id or 0,
            route=request.route_id,
            route_known=request.route_id in (None, *ROUTES),
            tapped_at=request.tapped_at,
            device_id=request.device_id,
            device_seq=request.device_seq,
            key=request.key,
        )

    def _send_batch(self, requests: Sequence[TapRequest]) -> None:
        answers = self.service.tap_batch(requests)
        for request, answer in zip(requests, answers, strict=True):
            decision = self._tap_model(request, answer)
            assert (answer.outcome, answer.replayed) == (decision.outcome, decision.replayed)
            assert (answer.trip_id or 0) == (decision.token or 0)
            assert answer.fare == decision.fare
            assert answer.balance == decision.balance, (request, answer, decision)
        for card_id in {request.card_id for request in requests}:
            self._compare_cards(self._account_of(card_id))

    def _recharge(
        self, account: Account, card_id: int, amount: int, channel: str | None, key: str | None
    ) -> None:
        answer = self.service.recharge(card_id, amount, channel, key)
        decision = account.recharge(
            card_id, amount, self.now, channel=channel or "ticket_office",
            token=answer.id or 0, key=key,
        )  # fmt: skip
        self._compare_money(answer, decision)
        if answer.outcome == "accepted":
            assert answer.debt_repaid == decision.debt_repaid
        self._compare_cards(account)

    def _buy_pass(self, account: Account, card_id: int, key: str | None) -> None:
        # A trip that arrived within the very microsecond of the purchase has no order with it.
        self._set_clock(self.now + TICK)
        answer = self.service.buy_pass(card_id, key)
        decision = account.buy_pass(card_id, self.now, token=answer.id or 0, key=key)
        self._compare_money(answer, decision)
        if answer.outcome == "created":
            assert answer.trips_left == decision.trips_left
            assert answer.expires_at is None
        self._compare_cards(account)

    def _replace(self, account: Account, card_id: int, reason: str, key: str | None) -> None:
        answer = self.service.replace(card_id, reason, key)
        decision = account.replace(card_id, answer.id or 0, self.now, reason=reason, key=key)
        self._compare_money(answer, decision)

    def _commute(self, account: Account, random: Random) -> None:
        """Ten days of six trips on a pass: what is drawn afterwards finds it nearly used up."""
        card_id = int(account.card)
        self._recharge(account, card_id, 160_000, None, None)
        self._buy_pass(account, card_id, None)
        for day in range(10):
            self._set_clock(self.now + DAY)
            taps = [
                TapRequest(card_id, station, None, self.now - n * MINUTE, 77, day * 10 + n + 1)
                for n, station in enumerate([1, 158, 2, 159, 3, 160])
            ]
            self._send_batch(random.sample(taps, len(taps)))

    def _compare_tap(self, request: TapRequest, answer: TapAnswer, decision: TapDecision) -> None:
        """HTTP names no balance in a single refusal."""
        expected = TapAnswer(
            decision.outcome,
            decision.replayed,
            None if decision.token is None else int(decision.token),
            decision.fare,
            decision.rule,
            None if decision.journey is None else int(decision.journey),
            decision.balance,
        )
        if answer.outcome == "accepted" or answer.balance is not None:
            assert answer == expected, request
        else:
            assert answer == replace(expected, balance=None), request
        self._compare_cards(self._account_of(request.card_id))

    def _compare_money(self, answer: MoneyAnswer, decision: Decision) -> None:
        assert answer.outcome == decision.outcome
        assert answer.replayed == decision.replayed
        if answer.outcome in ("accepted", "created"):
            assert (answer.id, answer.balance) == (decision.token, decision.balance)

    def _compare_cards(self, account: Account) -> None:
        for card_id, state in account.cards.items():
            newest = card_id == account.card
            view = self.service.read_card(int(card_id))
            assert view.balance == (account.balance if newest else 0)
            assert view.debt == (account.debt if newest else 0)
            assert view.status == state.status_at(self.now)
            assert view.replaced_by == state.replaced_by

    def _compare_books(self, account: Account) -> None:
        """Every line of every statement, every trip at its present fare, the pass in force."""
        for card_id in account.cards:
            lines: Sequence[Any] = self.service.read_statement(int(card_id))
            assert [
                (x.kind, x.amount, x.balance_after, x.debt_after, x.reference_id) for x in lines
            ] == [
                (x.kind, x.amount, x.balance_after, x.debt_after, x.reference)
                for x in account.statement(card_id)
            ]
            assert [x.at for x in lines] == [x.at for x in account.statement(card_id)]
        for trip in account.trips:
            now = self.service.read_trip(int(trip.token))
            assert (now.fare, now.fare_rule, now.journey_id) == (
                trip.fare, trip.rule, trip.journey,
            ), trip.token  # fmt: skip
        in_force = account.pass_in_force(self.now)
        answer = self.service.read_pass(int(account.card))
        if in_force is None:
            assert answer.outcome == "pass_not_found"
        else:
            assert answer.outcome == "accepted"
            assert (answer.id, answer.trips_left, answer.expires_at) == (
                in_force.token, in_force.trips_left, in_force.expires_at,
            )  # fmt: skip
