"""The trips of an account in the order of their taps, and what follows from that order alone."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from simulator.tariffs import Component, PassProduct, Rules, Tariff, service_day

Token = int | str
Rule = Literal["base", "transfer", "subsidy_pass", "monthly_pass", "credit"]


@dataclass(slots=True)
class MonthlyPass:
    """A pass bought at `purchased_at`; `uses` are its trips in time order."""

    token: Token
    product: PassProduct
    purchased_at: datetime
    uses: list["Trip"] = field(default_factory=list)

    @property
    def expires_at(self) -> datetime | None:
        """30 days from its first trip; None while unused."""
        return self.uses[0].at + timedelta(days=self.product.days) if self.uses else None

    @property
    def trips_left(self) -> int:
        """Of 65."""
        return self.product.trips - len(self.uses)

    def covers(self, moment: datetime) -> bool:
        """Whether a trip at this moment, after its `uses`, could ride on it."""
        return self.trips_left > 0 and (self.expires_at is None or moment < self.expires_at)

    def used_on(self, day: date) -> int:
        """How many of its trips fall on a service day."""
        return sum(service_day(trip.at) == day for trip in self.uses)


@dataclass(slots=True, eq=False)
class Trip:
    """An accepted tap, with its present fare, rule and journey."""

    token: Token
    card: Token
    station: int
    component: Component
    route: int | None
    at: datetime
    device_id: int
    device_seq: int
    arrived_at: datetime
    tariff: Tariff
    serial: int
    fare: int = 0
    rule: Rule = "base"
    payer: "Trip | None" = None
    transfers: int = 0
    monthly: MonthlyPass | None = None
    transfer_declined: bool = False

    @property
    def journey(self) -> Token | None:
        """The trip that paid; None on a monthly pass."""
        return self.payer.token if self.payer else None

    @property
    def order(self) -> tuple[datetime, int, int, int]:
        """Equal times: without device fields first, in order of arrival, then by device and
        sequence as numbers."""
        return self.at, self.device_id, self.device_seq, self.serial

    def ride_on(self, monthly: MonthlyPass) -> None:
        """Fare 0, rule `monthly_pass`. It neither makes nor continues a journey."""
        self.rule, self.fare, self.payer, self.transfers = "monthly_pass", 0, None, 0
        self.monthly = monthly

    def hang_on(self, last: "Trip", price: int) -> None:
        """The transfer fare of the direction, rule `transfer`; continues the journey."""
        self.rule, self.fare, self.payer = "transfer", price, last.payer
        self.transfers, self.monthly = last.transfers + 1, None

    def start_journey(self, rule: Rule, fare: int) -> None:
        """A subsidised or full fare is the first trip of its own journey."""
        self.rule, self.fare, self.payer, self.transfers, self.monthly = rule, fare, self, 0, None


class Timeline:
    """Rules 4 to 6: they go by the times of the taps, so each looks only at the trips before.

    Every method asks about a trip that comes after all those on the line: whoever has a late one
    lifts the later trips first and puts them back one by one.
    """

    def __init__(self, rules: Rules, profile: str, personalised: bool) -> None:
        self.trips: list[Trip] = []
        self.passes: list[MonthlyPass] = []
        self._rules = rules
        self._profile = profile
        self._personalised = personalised

    def append(self, trip: Trip) -> None:
        """Put a decided trip at the end."""
        self.trips.append(trip)
        if trip.monthly is not None:
            trip.monthly.uses.append(trip)

    def lift_after(self, trip: Trip) -> list[Trip]:
        """Take off the trips that come after this one, and answer them in time order."""
        lifted: list[Trip] = []
        while self.trips and self.trips[-1].order > trip.order:
            later = self.trips.pop()
            if later.monthly is not None:
                later.monthly.uses.pop()
            lifted.append(later)
        return lifted[::-1]

    def find_pass(self, trip: Trip) -> MonthlyPass | None:
        """Monthly pass in force at t with trips left; bought when the tap arrived."""
        bought_by = min(trip.at, trip.arrived_at)
        for monthly in self.passes:
            if monthly.purchased_at <= bought_by and monthly.covers(trip.at):
                return monthly
        return None

    def find_transfer(self, trip: Trip) -> tuple[Trip, int] | None:
        """The trip that this one may hang on, and the price: the card is personalised; it has a
        journey whose paying trip started at p with t in [p, p + window); the journey has fewer
        transfers than the maximum; the card's previous trip of that journey was at another
        station, on another route (where both taps name one), and not trunk to trunk."""
        if not self._personalised:
            return None
        last = next((t for t in reversed(self.trips) if t.monthly is None), None)
        if last is None or last.payer is None:
            return None
        same_route = trip.route is not None and trip.route == last.route
        trunk_to_trunk = trip.component == last.component == "trunk"
        if (
            trip.at >= last.payer.at + trip.tariff.window
            or last.transfers >= trip.tariff.max_transfers
            or trip.station == last.station
            or same_route
            or trunk_to_trunk
        ):
            return None
        return last, trip.tariff.transfer(last.component, trip.component)

    def has_free_trip(self, trip: Trip) -> bool:
        """Subsidy pass: the profile has free trips left in t's calendar month."""
        free = self._rules.free_trips(self._profile, trip.at)
        if free == 0:
            return False
        month = service_day(trip.at).replace(day=1)
        used = 0
        for before in reversed(self.trips):
            if service_day(before.at) < month:
                break
            used += before.rule == "subsidy_pass"
        return used < free

    def reprice(self, trip: Trip) -> None:
        """Priced again as if all had arrived in time order: monthly pass, transfer, subsidy pass
        or full fare are decided anew (a seventh trip of a pass day falls through to the next
        rule). A trip that was full fare and stays full fare keeps its rule (`base` or `credit`);
        one that becomes full fare shows `base`."""
        monthly = self.find_pass(trip)
        if monthly and monthly.used_on(service_day(trip.at)) < monthly.product.trips_a_day:
            trip.ride_on(monthly)
            return
        transfer = self.find_transfer(trip)
        # A priced transfer declined for want of money on arrival is not offered a second time.
        if transfer and not (transfer[1] > 0 and trip.transfer_declined):
            trip.hang_on(*transfer)
        elif self.has_free_trip(trip):
            trip.start_journey("subsidy_pass", 0)
        else:
            rule: Rule = "credit" if trip.rule == "credit" else "base"
            trip.start_journey(rule, trip.tariff.base(trip.component))
