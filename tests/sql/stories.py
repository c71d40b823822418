"""Stories of money: named starting states, each reached through the procedures alone."""

import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2.extensions
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INTRANS

from tests.conftest import Database
from transit_api.database.migrate import SQL
from transit_api.local.embedded_roles import OWNER

BOGOTA = ZoneInfo("America/Bogota")
SERVICE = "transit_service"

# Places of sql/network: Calle 187, Toberín; Rincón del Chicó, 1 de Mayo; Juan Pablo II, Manitas.
TRUNK, OTHER_TRUNK = 2, 3
ZONAL, OTHER_ZONAL = 158, 159
CABLE, OTHER_CABLE = 155, 156
ROUTE, OTHER_ROUTE = 1, 3
NOWHERE = 2**52

FARE = 3550
PASS_PRICE = 160_000
LARGEST_RECHARGE = 418_000

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)

_NAMED = re.compile(r"\bapi\.(\w+)")
GRANTED = set(_NAMED.findall((SQL / "grants.sql").read_text())) - {"set_clock"}


def at(text: str) -> datetime:
    """A moment on Bogotá's clocks."""
    return datetime.fromisoformat(text).replace(tzinfo=BOGOTA)


NOON = at("2026-11-20 12:00")


@dataclass(frozen=True)
class Tap:
    """One element of a call of api.start_trips; `device` is (device_id, device_seq)."""

    card_id: int
    station: int = TRUNK
    at: datetime | None = None
    route: int | None = None
    device: tuple[int, int] = (None, None)  # type: ignore[assignment]
    key: str | None = None


@contextmanager
def open_story(database: Database, role: str = OWNER) -> Iterator["Story"]:
    """A story on a connection of its own, where every call commits."""
    connection = database.connect(role)
    connection.autocommit = True
    try:
        yield Story(connection)
    finally:
        connection.close()


class Story:
    """What happens to users and cards, told to the database as the service's role."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._role = SERVICE
        self._set_role(SERVICE)

    def _set_role(self, role: str) -> None:
        # An own connection as the service stays the service.
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('role', %s, false)"
                " WHERE pg_has_role(session_user, %s, 'MEMBER')",
                (role, SERVICE if role == SERVICE else OWNER),
            )
        self._role = role

    def ask(self, query: str, *values: Any) -> list[Any]:
        """All rows of a query: as the service what it calls, as the owner what a test looks at."""
        looks = "transit." in query or bool(set(_NAMED.findall(query)) - GRANTED)
        if looks and self._role == SERVICE:
            with self.as_owner():
                return self._ask(query, values)
        return self._ask(query, values)

    def _ask(self, query: str, values: Sequence[Any]) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(query, values)
            rows: list[Any] = cursor.fetchall() if cursor.description else []
            return rows

    def ask_one(self, query: str, *values: Any) -> Any:
        """The only row of a query."""
        (row,) = self.ask(query, *values)
        return row

    @contextmanager
    def as_owner(self) -> Iterator[None]:
        """What only the owner may do: a decree, a planted past."""
        self._set_role("none")
        try:
            yield
        finally:
            # What failed has rolled the role back, or the connection is gone.
            status = self.connection.info.transaction_status
            if status in (TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INTRANS):
                self._set_role(SERVICE)
            else:
                self._role = SERVICE

    def decree(self, statement: str, *values: Any) -> None:
        """Change data as the owner does."""
        with self.as_owner():
            self.ask(statement, *values)

    # Time

    def stop_clock(self, now: datetime) -> None:
        """Let the service's clock stand at a moment."""
        self.decree(
            "INSERT INTO transit.clock AS c (simulated_origin, real_origin, speed, started_at)"
            " VALUES (%s, clock_timestamp(), 0, '-infinity')"
            " ON CONFLICT (one_row) DO UPDATE SET simulated_origin = excluded.simulated_origin",
            now,
        )

    def go_to(self, now: datetime) -> None:
        """Move the clock forward."""
        with self.as_owner():
            answer = self.ask_one("SELECT * FROM api.set_clock(%s, 0)", now)
        assert answer.outcome == "accepted"

    # Users and cards

    def make_user(self, document_id: str | None = None, full_name: str = "Ana") -> int:
        document_id = document_id or f"CC-{uuid.uuid4()}"
        row = self.ask_one(
            "SELECT * FROM api.create_users('{1}', %s, %s, '{null}', '{null}')",
            [document_id], [full_name],
        )  # fmt: skip
        assert row.outcome == "created", row
        return int(row.user_id)

    def issue(self, user_id: int | None, profile: str | None) -> Any:
        return self.ask_one(
            "SELECT * FROM api.issue_cards('{1}', %s::bigint[], %s::text[])", [user_id], [profile]
        )

    def make_card(
        self, balance: int = 0, profile: str | None = None, user_id: int | None = None
    ) -> int:
        """A personalised card, of a new user unless one is given."""
        card_id = int(self.issue(user_id or self.make_user(), profile).card_id)
        self.load(card_id, balance)
        return card_id

    def make_anonymous_card(self, balance: int = 0) -> int:
        card_id = int(self.issue(None, None).card_id)
        self.load(card_id, balance)
        return card_id

    def make_card_with_pass(self, balance: int = 0, profile: str | None = None) -> int:
        card_id = self.make_card(PASS_PRICE + balance, profile)
        assert self.buy_pass(card_id).outcome == "created"
        return card_id

    def make_card_in_debt(self) -> int:
        """A card that took one trip on credit: debt 3,550."""
        card_id = self.make_card()
        assert self.tap(card_id).fare_rule == "credit"
        return card_id

    def load(self, card_id: int, balance: int) -> None:
        """Recharge until a card without debt holds a balance."""
        while balance > 0:
            amount = min(balance, LARGEST_RECHARGE)
            assert self.recharge(card_id, amount).outcome == "accepted"
            balance -= amount

    # What riders and the office do; each answers the row of the procedure

    def taps(self, *taps: Tap) -> list[Any]:
        """One call with these taps; the answers in their order."""
        rows = self.ask(
            "SELECT * FROM api.start_trips(%s, %s::bigint[], %s::bigint[], %s::bigint[],"
            " %s::timestamptz[], %s::bigint[], %s::bigint[], %s::text[])",
            list(range(len(taps))),
            [tap.card_id for tap in taps],
            [tap.station for tap in taps],
            [tap.route for tap in taps],
            [tap.at for tap in taps],
            [tap.device[0] for tap in taps],
            [tap.device[1] for tap in taps],
            [tap.key for tap in taps],
        )
        return sorted(rows, key=lambda row: row.ref)

    def tap(self, card_id: int, station: int = TRUNK, **more: Any) -> Any:
        return self.taps(Tap(card_id, station, **more))[0]

    def recharges(self, *requests: Sequence[Any]) -> list[Any]:
        """One call with these recharges: (card_id, amount, channel, recharge_point_id, key)."""
        cards, amounts, channels, points, keys = map(list, zip(*requests, strict=True))
        rows = self.ask(
            "SELECT * FROM api.recharge_cards(%s, %s::bigint[], %s::bigint[], %s::text[],"
            " %s::bigint[], %s::text[])",
            list(range(len(requests))), cards, amounts, channels, points, keys,
        )  # fmt: skip
        return sorted(rows, key=lambda row: row.ref)

    def recharge(
        self,
        card_id: int,
        amount: int,
        channel: str | None = None,
        point: int | None = None,
        key: str | None = None,
    ) -> Any:
        return self.recharges((card_id, amount, channel, point, key))[0]

    def buy_pass(self, card_id: int, key: str | None = None) -> Any:
        return self.ask_one(
            "SELECT * FROM api.buy_monthly_passes('{1}', %s::bigint[], %s::text[])",
            [card_id], [key],
        )  # fmt: skip

    def replace(self, card_id: int, reason: str = "lost", key: str | None = None) -> Any:
        return self.ask_one(
            "SELECT * FROM api.replace_cards('{1}', %s::bigint[], %s, %s::text[])",
            [card_id], [reason], [key],
        )  # fmt: skip

    def block(self, card_id: int, reason: str = "stolen") -> Any:
        return self.ask_one("SELECT * FROM api.block_card(%s, %s)", card_id, reason)

    def unblock(self, card_id: int) -> Any:
        return self.ask_one("SELECT * FROM api.unblock_card(%s)", card_id)

    def ends(self, *requests: Sequence[Any]) -> list[Any]:
        """One call with these ends of trips: (trip_id, station_id, ended_at)."""
        trips, stations, times = map(list, zip(*requests, strict=True))
        rows = self.ask(
            "SELECT * FROM api.end_trips(%s, %s::bigint[], %s::bigint[], %s::timestamptz[])",
            list(range(len(requests))), trips, stations, times,
        )  # fmt: skip
        return sorted(rows, key=lambda row: row.ref)

    def end(self, trip_id: int, station: int = OTHER_TRUNK, at: datetime | None = None) -> Any:
        return self.ends((trip_id, station, at))[0]

    def erase(self, user_id: int) -> Any:
        return self.ask_one("SELECT * FROM api.erase_user(%s)", user_id)

    def fold(self) -> int:
        return int(self.ask_one("SELECT api.fold_rollups(100000) AS folded").folded)

    # What can be seen

    def card(self, card_id: int) -> Any:
        return self.ask_one("SELECT * FROM api.read_card(%s)", card_id)

    def money(self, card_id: int) -> tuple[int, int]:
        """Balance and debt."""
        card = self.card(card_id)
        return card.balance, card.debt

    def trip(self, trip_id: int) -> Any:
        return self.ask_one("SELECT * FROM api.read_trip(%s)", trip_id)

    def priced(self, *answers: Any) -> list[tuple[str, int]]:
        """The present rule and fare of some trips."""
        trips = [self.trip(answer.trip_id) for answer in answers]
        return [(trip.fare_rule, trip.fare) for trip in trips]

    def entries(self, card_id: int) -> list[tuple[str, int]]:
        """Kind and amount of every movement of a card, oldest first."""
        rows = self.ask("SELECT * FROM api.list_entries(%s, null, 10000)", card_id)
        return [(row.kind, row.amount) for row in reversed(rows)]

    def deny_list(self, since: int = 0) -> tuple[int, list[tuple[str, str]]]:
        """The version, and what changed since one."""
        rows = self.ask("SELECT * FROM api.read_deny_list(%s)", since)
        items = [(row.card_number, row.action) for row in rows if row.card_number is not None]
        return rows[0].version, items

    def deny_page(self, since: int = 0, epoch: str | None = None, limit: int = 10_000) -> list[Any]:
        """A page of the list: one row a card, or one without a card."""
        return self.ask("SELECT * FROM api.read_deny_list(%s, %s, %s)", since, epoch, limit)

    def offences(self) -> list[Any]:
        """What an audit of everything finds; the transaction must not have failed."""
        with self.as_owner():
            return self.ask("SELECT * FROM api.audit(NULL, NULL)")

    @property
    def failed(self) -> bool:
        """Whether the open transaction can only be rolled back."""
        status = self.connection.info.transaction_status
        return bool(status == psycopg2.extensions.TRANSACTION_STATUS_INERROR)
