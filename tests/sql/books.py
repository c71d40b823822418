"""Books to be audited: a clock set by hand, and one story of everything that moves money."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

BOGOTA = ZoneInfo("America/Bogota")


class Books:
    """The procedures on one connection, one element a call, refusals included."""

    def __init__(self, connection: Any, now: datetime) -> None:
        self.connection = connection
        self.rows("SELECT * FROM api.start_simulated_clock(%s)", now)
        self.rows("SELECT * FROM api.set_clock(NULL, 0)")
        self.persons = 0

    def rows(self, sql: str, *values: Any) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def one(self, sql: str, *values: Any) -> Any:
        (row,) = self.rows(sql, *values)
        return row

    def at(self, now: datetime) -> None:
        """Let it be that time; it only moves forward."""
        assert self.one("SELECT * FROM api.set_clock(%s, 0)", now).outcome == "accepted"

    def user(self) -> int:
        self.persons += 1
        return self.one(
            "SELECT * FROM api.create_users('{1}', %s, %s, '{null}', '{null}')",
            [f"books-{self.persons}"],
            [f"Persona {self.persons}"],
        ).user_id

    def card(self, user_id: int | None = None, profile: str | None = None) -> int:
        return self.one(
            "SELECT * FROM api.issue_cards('{1}', %s::bigint[], %s::text[])", [user_id], [profile]
        ).card_id

    def recharge(
        self, card_id: int, amount: int, channel: str | None = None, key: str | None = None
    ) -> Any:
        return self.one(
            "SELECT * FROM api.recharge_cards('{1}', %s::bigint[], %s::bigint[], %s::text[],"
            " '{null}', %s::text[])",
            [card_id],
            [amount],
            [channel],
            [key],
        )

    def tap(
        self,
        card_id: int,
        station_id: int,
        at: datetime | None = None,
        device: tuple[int, int] | None = None,
        route_id: int | None = None,
        key: str | None = None,
    ) -> Any:
        device_id, device_seq = device or (None, None)
        return self.one(
            "SELECT * FROM api.start_trips('{1}', %s::bigint[], %s::bigint[], %s::bigint[],"
            " %s::timestamptz[], %s::bigint[], %s::bigint[], %s::text[])",
            [card_id],
            [station_id],
            [route_id],
            [at],
            [device_id],
            [device_seq],
            [key],
        )

    def ride(self, card_id: int, station_id: int, **how: Any) -> int:
        """A tap that is accepted; its trip."""
        answer = self.tap(card_id, station_id, **how)
        assert answer.outcome == "accepted", answer
        return answer.trip_id

    def buy_pass(self, card_id: int, key: str | None = None) -> Any:
        return self.one(
            "SELECT * FROM api.buy_monthly_passes('{1}', %s::bigint[], %s::text[])",
            [card_id],
            [key],
        )

    def replace(self, card_id: int, key: str | None = None) -> int:
        """The new card."""
        answer = self.one(
            "SELECT * FROM api.replace_cards('{1}', %s::bigint[], '{lost}', %s::text[])",
            [card_id],
            [key],
        )
        assert answer.outcome == "created", answer
        return answer.card_id

    def audit(self, card_id: int | None = None, on: Any = None) -> list[Any]:
        return self.rows("SELECT * FROM api.audit(%s::bigint, %s::date)", card_id, on)

    def stops(self, kind: str, count: int) -> list[int]:
        return [
            row.station_id
            for row in self.rows(
                "SELECT s.station_id FROM transit.stations AS s WHERE s.kind = %s"
                " ORDER BY s.station_id LIMIT %s",
                kind,
                count,
            )
        ]


@dataclass
class Story:
    """The cards and trips of the busy book, by the part they play in it."""

    books: Books
    card: dict[str, int] = field(default_factory=dict)
    user: dict[str, int] = field(default_factory=dict)
    trip: dict[str, int] = field(default_factory=dict)

    def names(self) -> dict[str, int]:
        """Everything by one name, for the text of a corruption."""
        return (
            {f"card_{name}": card_id for name, card_id in self.card.items()}
            | {f"user_{name}": user_id for name, user_id in self.user.items()}
            | {f"trip_{name}": trip_id for name, trip_id in self.trip.items()}
        )

    def person(self, name: str, profile: str | None = None) -> int:
        self.user[name] = self.books.user()
        self.card[name] = self.books.card(self.user[name], profile)
        return self.card[name]


ISSUED = datetime(2023, 2, 1, 9, tzinfo=BOGOTA)
MORNING = datetime(2028, 3, 1, 7, tzinfo=BOGOTA)
NEXT_DAY = MORNING + timedelta(days=1)


def write_busy_book(connection: Any) -> Story:
    """Recharges, transfers, late taps, credit, passes, free trips, replacements and an expiry."""
    books = Books(connection, ISSUED)
    story = Story(books)
    story.card["forgotten"] = books.card()
    books.recharge(story.card["forgotten"], 7_000, "machine")
    books.at(MORNING)
    books.rows("SELECT api.expire_cards(10)")
    ride_as_usual(story)
    ride_late(story)
    books.rows("SELECT api.fold_rollups(1000)")
    borrow(story)
    ride_free(story)
    books.at(NEXT_DAY)
    replace(story)
    end_of_cards(story)
    return story


def ride_as_usual(story: Story) -> None:
    books = story.books
    zonal, other_zonal = books.stops("zonal", 2)
    (trunk,) = books.stops("trunk", 1)
    card_id = story.person("usual")
    books.recharge(card_id, 20_000, "retail", key="recharge-1")
    story.trip["paid"] = books.ride(card_id, zonal, device=(12, 1), route_id=101)
    books.at(MORNING + timedelta(minutes=20))
    story.trip["transfer"] = books.ride(card_id, trunk, device=(12, 2))
    books.at(MORNING + timedelta(minutes=40))
    story.trip["second_transfer"] = books.ride(card_id, other_zonal, key="tap-1")
    story.card["anonymous"] = books.card()
    books.recharge(story.card["anonymous"], 5_000)
    story.trip["anonymous"] = books.ride(story.card["anonymous"], trunk)
    refused = books.tap(story.card["anonymous"], trunk, device=(12, 3))
    assert refused.outcome == "insufficient_balance"


def ride_late(story: Story) -> None:
    """The second tap arrives first; the one before it makes it a transfer."""
    books = story.books
    zonal, other_zonal = books.stops("zonal", 2)
    card_id = story.person("late")
    books.recharge(card_id, 10_000, "wallet")
    now = MORNING + timedelta(minutes=40)
    story.trip["corrected"] = books.ride(card_id, zonal, device=(13, 2), at=now)
    earlier = now - timedelta(minutes=30)
    story.trip["late"] = books.ride(card_id, other_zonal, device=(13, 1), at=earlier)


def borrow(story: Story) -> None:
    books = story.books
    (trunk,) = books.stops("trunk", 1)
    card_id = story.person("debtor")
    books.recharge(card_id, 4_000)
    books.ride(card_id, trunk)
    story.trip["credit"] = books.ride(card_id, trunk)
    story.trip["second_credit"] = books.ride(card_id, trunk, device=(14, 1))
    assert books.tap(card_id, trunk, device=(14, 2)).outcome == "insufficient_balance"


def ride_free(story: Story) -> None:
    books = story.books
    (trunk,) = books.stops("trunk", 1)
    card_id = story.person("senior", "senior_c")
    books.recharge(card_id, 10_000, "online")
    for name in ("free", "second_free", "third_free", "not_free"):
        story.trip[name] = books.ride(card_id, trunk)
    card_id = story.person("commuter")
    books.recharge(card_id, 200_000)
    assert books.buy_pass(card_id, key="pass-1").outcome == "created"
    for name in ("on_pass", "second_on_pass"):
        story.trip[name] = books.ride(card_id, trunk)


def replace(story: Story) -> None:
    books = story.books
    zonal, other_zonal = books.stops("zonal", 2)
    old = story.person("lost")
    books.recharge(old, 30_000, "retail")
    story.trip["before_loss"] = books.ride(old, zonal)
    story.card["heir"] = books.replace(old, key="replace-1")
    books.at(NEXT_DAY + timedelta(minutes=30))
    story.trip["after_loss"] = books.ride(story.card["heir"], other_zonal)
    in_between = NEXT_DAY - timedelta(minutes=5)
    story.trip["late_on_lost"] = books.ride(old, other_zonal, device=(15, 1), at=in_between)
    story.card["debtors_heir"] = books.replace(story.card["debtor"])


def end_of_cards(story: Story) -> None:
    books = story.books
    blocked, unblocked = story.person("blocked"), story.person("unblocked")
    books.recharge(blocked, 8_000)
    for card_id in (blocked, unblocked):
        books.rows("SELECT * FROM api.block_card(%s, 'stolen')", card_id)
    books.at(NEXT_DAY + timedelta(minutes=40))
    books.rows("SELECT * FROM api.unblock_card(%s)", unblocked)
    story.person("erased")
    assert books.one("SELECT * FROM api.erase_user(%s)", story.user["erased"]).outcome == "accepted"
