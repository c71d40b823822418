"""The fare rules of Bogotá a second time, for the riders' own books: one account, tap by tap."""

from datetime import date, datetime, timedelta

from simulator.cards import (
    CardState,
    Correction,
    Decision,
    Entry,
    Kind,
    Status,
    TapDecision,
    key_name,
)
from simulator.tariffs import BOGOTA, Component, Rules, service_day
from simulator.timeline import MonthlyPass, Timeline, Token, Trip

# Credit that rests until a recharge that is big enough comes.
_OPEN_ENDED = date.max
_A_DAY = timedelta(days=1)


class Account:
    """A card and those it replaced or was replaced by: money, journeys, counts and prices go by
    the account, and money always moves on its newest card.

    Times are given in, none is read; `now` never goes back. Tokens are the caller's names of
    cards, trips, recharges and passes. `bookkeeping=False` keeps no statement, where only the
    money counts.
    """

    def __init__(
        self,
        card: Token,
        issued_at: datetime,
        profile: str = "basic",
        personalised: bool = False,
        rules: Rules = BOGOTA,
        bookkeeping: bool = True,
    ) -> None:
        self.card = card
        self.cards = {card: CardState(issued_at)}
        self.personalised = personalised
        self.net = 0
        self.timeline = Timeline(rules, profile, personalised)
        self.rests_until = date.min
        self.rules = rules
        self._bookkeeping = bookkeeping
        self._accepted = 0
        self._credit_trips: list[Trip] = []

    @property
    def balance(self) -> int:
        """What is there, in pesos."""
        return max(self.net, 0)

    @property
    def debt(self) -> int:
        """What a credit trip or a correction lent, in pesos; never above 0 beside a balance."""
        return max(-self.net, 0)

    @property
    def trips(self) -> list[Trip]:
        """Accepted trips in the order of their taps, at their present fares."""
        return self.timeline.trips

    @property
    def credit_count(self) -> int:
        """Trips whose present rule is `credit`, accepted since debt was last 0."""
        return sum(trip.rule == "credit" for trip in self._credit_trips)

    def statement(self, card: Token) -> list[Entry]:
        """What was posted to one card of the account, oldest first."""
        return self.cards[card].statement

    def status(self, card: Token, now: datetime) -> Status:
        """What the card is at a moment."""
        return self.cards[card].status_at(now)

    def tap(
        self,
        card: Token,
        station: int,
        component: Component | None,
        now: datetime,
        *,
        token: Token | None = None,
        route: int | None = None,
        route_known: bool = True,
        tapped_at: datetime | None = None,
        device_id: int | None = None,
        device_seq: int | None = None,
        key: str | None = None,
    ) -> TapDecision:
        """Decide a tap. `component` None is a station nobody knows. Device fields are the key
        where they are given, `key` is the header's."""
        asked = ("tap", station, route, tapped_at, device_id, device_seq)
        name = key_name(device_id, device_seq, key)
        known = self.cards[card].recall(name, asked, TapDecision("", self.balance))
        if known is not None:
            return known
        if component is None or not route_known:
            outcome = "route_not_found" if component else "station_not_found"
            return TapDecision(outcome, self.balance)
        at = now if tapped_at is None else tapped_at
        refusal = self._refuse_time(at, now)
        if refusal is not None:
            return self.cards[card].remember(name, asked, TapDecision(refusal, self.balance))
        trip = Trip(
            token=self._accepted if token is None else token,
            card=card,
            station=station,
            component=component,
            route=route,
            at=at,
            device_id=device_id or 0,
            device_seq=device_seq or 0,
            arrived_at=now,
            tariff=self.rules.tariff(at),
            serial=self._accepted,
        )
        return self.cards[card].remember(name, asked, self._decide(trip))

    def recharge(
        self,
        card: Token,
        amount: int,
        now: datetime,
        *,
        channel: str = "ticket_office",
        recharge_point: int | None = None,
        token: Token = "",
        key: str | None = None,
    ) -> Decision:
        """The amount must lie within the channel's limits. Debt is repaid first, the rest is
        balance; above the ceiling nothing is taken."""
        asked, name = ("recharge", amount, channel, recharge_point), key_name(None, None, key)
        known = self.cards[card].recall(name, asked, Decision("", self.balance))
        if known is not None:
            return known
        limits = self.rules.channel(channel, now)
        debt = self.debt
        if self.status(card, now) != "active":
            decision = Decision("card_not_active", self.balance)
        elif not limits.minimum <= amount <= limits.maximum:
            decision = Decision("amount_out_of_range", self.balance)
        elif self.net + amount > self.rules.ceiling:
            decision = Decision("balance_limit_exceeded", self.balance)
        else:
            self._post("recharge", amount, token, now)
            self._let_credit_rest(debt, now)
            self._forget_credit_trips()
            repaid = min(debt, amount)
            decision = Decision("accepted", self.balance, token, amount, debt_repaid=repaid)
        return self.cards[card].remember(name, asked, decision)

    def buy_pass(
        self, card: Token, now: datetime, *, token: Token = "", key: str | None = None
    ) -> Decision:
        """Paid from the balance; personalised cards only; one in force at a time."""
        name = key_name(None, None, key)
        known = self.cards[card].recall(name, "monthly_pass", Decision("", self.balance))
        if known is not None:
            return known
        product = self.rules.pass_product(now)
        if not self.personalised:
            decision = Decision("card_not_personalised", self.balance)
        elif self.status(card, now) != "active":
            decision = Decision("card_not_active", self.balance)
        elif product is None:
            decision = Decision("no_tariff", self.balance)
        elif self.pass_in_force(now):
            decision = Decision("pass_in_force", self.balance)
        elif self.balance < product.price:
            decision = Decision("insufficient_balance", self.balance)
        else:
            self.timeline.passes.append(MonthlyPass(token, product, now))
            self._post("monthly_pass", -product.price, token, now)
            decision = Decision(
                "created", self.balance, token, product.price, trips_left=product.trips
            )
        return self.cards[card].remember(name, "monthly_pass", decision)

    def pass_in_force(self, now: datetime) -> MonthlyPass | None:
        """The pass with trips left whose 30 days, if they began, are not over."""
        return next((p for p in self.timeline.passes if p.covers(now)), None)

    def block(self, card: Token, now: datetime) -> str:
        """Takes effect at once; once blocked, another block changes nothing."""
        state = self.cards[card]
        status = state.status_at(now)
        if status == "active":
            state.blocks.append((now, None))
        return "accepted" if status in ("active", "blocked") else "card_not_active"

    def unblock(self, card: Token, now: datetime) -> str:
        """From now on active; the time it was blocked stays blocked."""
        state = self.cards[card]
        status = state.status_at(now)
        if status == "blocked":
            state.blocks[-1] = (state.blocks[-1][0], now)
        return "accepted" if status in ("active", "blocked") else "card_not_active"

    def replace(
        self,
        card: Token,
        new_card: Token,
        now: datetime,
        *,
        reason: str = "lost",
        key: str | None = None,
    ) -> Decision:
        """A new card for the same user holds what the account holds; the old one is `replaced`."""
        asked, name = ("replace", reason), key_name(None, None, key)
        known = self.cards[card].recall(name, asked, Decision("", self.balance))
        if known is not None:
            return known
        if not self.personalised:
            decision = Decision("card_not_personalised", self.balance)
        elif self.status(card, now) not in ("active", "blocked"):
            decision = Decision("card_not_active", self.balance)
        else:
            held = self.net
            self._post("replacement", -held, new_card, now)
            self.cards[card].replaced_at, self.cards[card].replaced_by = now, new_card
            self.cards[new_card] = CardState(now)
            self.card = new_card
            self._post("replacement", held, card, now)
            decision = Decision("created", self.balance, new_card)
        return self.cards[card].remember(name, asked, decision)

    def expire(self, now: datetime) -> None:
        """Expire the newest card; what it holds or owes goes to the unclaimed balances."""
        self.cards[self.card].expired_at = now
        if self.net != 0:
            self._post("unclaimed", -self.net, self.card, now)
            self._forget_credit_trips()

    def _decide(self, trip: Trip) -> TapDecision:
        """Rules 3 to 9 for one tap; the trips it can influence are priced again."""
        now = trip.arrived_at
        refusal = self._refuse_card(trip)
        if refusal is not None:
            return TapDecision(refusal, self.balance)
        later = self.timeline.lift_after(trip)
        refusal = self._choose_rule(trip, later)
        if refusal is not None:
            for other in later:
                self.timeline.append(other)
            return TapDecision(refusal, self.balance)
        self._accepted += 1
        self.timeline.append(trip)
        self._post("fare", -trip.fare, trip.token, now)
        if trip.rule == "credit":
            self._credit_trips.append(trip)
        corrections = self._correct(later, now)
        self._forget_credit_trips()
        return TapDecision(
            "accepted", self.balance, trip.token, trip.fare, trip.rule, trip.journey, corrections
        )

    def _refuse_time(self, at: datetime, now: datetime) -> str | None:
        """More than 5 minutes after the server's clock, more than 7 days before it, or before the
        first tariff."""
        if at > now + self.rules.tap_ahead:
            return "tap_in_future"
        if at < now - self.rules.tap_behind:
            return "tap_too_old"
        return "no_tariff" if at < self.rules.tariffs[0].valid_from else None

    def _refuse_card(self, trip: Trip) -> str | None:
        """The card was blocked, replaced or expired at t. A tap made before the block and
        delivered after it is accepted."""
        return None if self.status(trip.card, trip.at) == "active" else "card_not_active"

    def _choose_rule(self, trip: Trip, later: list[Trip]) -> str | None:
        """Rules 4 to 9 on arrival: the first that applies ends it; the answer is a refusal."""
        monthly = self.timeline.find_pass(trip)
        if monthly is not None:
            return self._ride_on_pass(trip, monthly, later)
        transfer = self.timeline.find_transfer(trip)
        if transfer is not None:
            if self.balance >= transfer[1]:
                trip.hang_on(*transfer)
                return None
            trip.transfer_declined = True
        base = trip.tariff.base(trip.component)
        if self.timeline.has_free_trip(trip):
            trip.start_journey("subsidy_pass", 0)
        elif self.balance >= base:
            trip.start_journey("base", base)
        elif self._has_credit(trip.arrived_at):
            trip.start_journey("credit", base)
        else:
            return "insufficient_balance"
        return None

    def _ride_on_pass(self, trip: Trip, monthly: MonthlyPass, later: list[Trip]) -> str | None:
        """If 6 were already used on that service day, `pass_daily_limit`; the limit goes by
        arrival, so the trips of that day after this one count too."""
        day = service_day(trip.at)
        used = monthly.used_on(day)
        used += sum(t.monthly is monthly and service_day(t.at) == day for t in later)
        if used >= monthly.product.trips_a_day:
            return "pass_daily_limit"
        trip.ride_on(monthly)
        return None

    def _has_credit(self, now: datetime) -> bool:
        """The card is personalised, has fewer than 2 credit trips, and its credit is not resting
        on arrival."""
        return (
            self.personalised
            and self.credit_count < self.rules.credit_trips
            and service_day(now) >= self.rests_until
        )

    def _correct(self, later: list[Trip], now: datetime) -> tuple[Correction, ...]:
        """The corrections that one tap causes are posted after its own entry, in the time order
        of their trips. One that takes uses the balance first, the rest becomes debt; one that
        gives repays debt first."""
        corrections = []
        for trip in later:
            before = trip.fare
            self.timeline.reprice(trip)
            self.timeline.append(trip)
            if trip.fare != before:
                correction = Correction(trip.token, before, trip.fare)
                self._post("fare_correction", correction.amount, trip.token, now)
                corrections.append(correction)
        return tuple(corrections)

    def _let_credit_rest(self, debt_before: int, now: datetime) -> None:
        """When a recharge clears a debt, credit rests until the first service day after a recharge
        that leaves no debt and a balance of at least one trunk base fare (the clearing recharge
        itself may be that one)."""
        if self.debt > 0:
            return
        if debt_before > 0:
            self.rests_until = _OPEN_ENDED
        if self.rests_until == _OPEN_ENDED and self.balance >= self.rules.tariff(now).trunk:
            self.rests_until = service_day(now) + _A_DAY

    def _forget_credit_trips(self) -> None:
        """Debt standing at 0 clears the count of credit trips."""
        if self.debt == 0:
            self._credit_trips.clear()

    def _post(self, kind: Kind, amount: int, reference: Token, now: datetime) -> None:
        """Move money on the newest card."""
        self.net += amount
        if self._bookkeeping:
            entry = Entry(kind, amount, self.balance, self.debt, reference, now)
            self.cards[self.card].statement.append(entry)
