"""Lanes of a replayed day: full batches, and each rider's order kept."""

from typing import Any

import pytest

from simulator import replay as replaying
from simulator.day import Event
from simulator.replay import Lane


class NoteBook:
    """Stands for the replay: notes what is sent instead of sending it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, float]] = []
        self.sizes: list[int] = []

    async def send(self, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        elements: list[Any] = next(iter(body.values()))
        self.sizes.append(len(elements))
        self.sent += [(path, element["rider"], element["at"]) for element in elements]
        return [{} for _ in elements]


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch) -> tuple[Lane, NoteBook]:
    book = NoteBook()

    async def send(client: object, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        return await book.send(path, body)

    monkeypatch.setattr(replaying, "send", send)
    monkeypatch.setattr(replaying, "BATCH", 10)
    lane = Lane.__new__(Lane)
    stub: Any = type("Stub", (), {})()
    stub.client, stub.result, stub.clock = None, replaying.ReplayResult(), stub
    stub.now = lambda: None
    stub.moment = lambda event: None
    stub.tap_body = lambda event, at=None: {"rider": event.rider, "at": event.at}
    stub.note_tap = stub.note_recharge = lambda *told: None
    Lane.__init__(lane, stub)
    monkeypatch.setattr(lane, "_recharge_body", stub.tap_body)
    return lane, book


def a_day(riders: int) -> list[Event]:
    """Each rider taps, loads money, taps twice; all at once."""
    order = ("tap", "recharge", "tap", "tap")
    return [
        Event(float(step), what, rider)
        for step, what in enumerate(order)
        for rider in range(riders)
    ]


async def test_every_rider_s_order_is_kept_and_nothing_is_lost(
    lane: tuple[Lane, NoteBook],
) -> None:
    under_test, book = lane
    events = a_day(37)
    await under_test.run(events)
    assert len(book.sent) == len(events)
    for rider in range(37):
        assert [at for _, who, at in book.sent if who == rider] == [0.0, 1.0, 2.0, 3.0]
    assert max(book.sizes) <= 10


async def test_money_goes_ahead_of_the_taps_of_others(lane: tuple[Lane, NoteBook]) -> None:
    under_test, book = lane
    await under_test.run([Event(1.0, "tap", 1), Event(2.0, "recharge", 2), Event(3.0, "tap", 2)])
    assert [path for path, _, _ in book.sent] == [
        "/cards/recharge/batch", "/taps/batch", "/taps/batch",
    ]  # fmt: skip
    assert book.sizes == [1, 2]
