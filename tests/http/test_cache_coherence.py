"""Alerts as two workers tell of them while their Redis comes and goes: how old the oldest was."""

import asyncio
import dataclasses
import math
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.http.waiting import until
from transit_api.app import make_app
from transit_api.local.embedded import Valkey
from transit_api.settings import Settings

OLDEST_S = 2.0
STATION = "/api/v1/stations/1/alerts"
ALERT = {
    "cause": "STRIKE",
    "effect": "NO_SERVICE",
    "severity_level": "SEVERE",
    "header": "Paro",
    "description": "No hay servicio.",
}
PHASE_S = 2.5
ALERTS_IN_A_PHASE = 10


@dataclass
class Alert:
    """When it was acknowledged, and when its end was asked for and acknowledged."""

    opened_at: float
    close_asked_at: float = math.inf
    closed_at: float = math.inf

    def lateness_s(self, shown: bool, asked_at: float) -> float:
        """How old the answer to a question of that moment must be, at least."""
        if shown:
            return max(0.0, asked_at - self.closed_at)
        # Its end may have been known while the question was on its way.
        ending = self.close_asked_at < math.inf
        return 0.0 if ending else max(0.0, asked_at - self.opened_at)


class Watcher:
    """Polls one worker and remembers the oldest answer."""

    def __init__(self, client: Any, alerts: dict[int, Alert]) -> None:
        self._client = client
        self._alerts = alerts
        self.seen: set[int] = set()
        self.answers = 0
        self.oldest_s = 0.0

    async def poll(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            asked_at = clock()
            async with self._client.get(STATION) as answer:
                assert answer.status == 200
                shown = {alert["alert_id"] for alert in (await answer.json())["alerts"]}
            self.answers += 1
            self.seen |= shown
            for alert_id, alert in self._alerts.items():
                late_s = alert.lateness_s(alert_id in shown, asked_at)
                self.oldest_s = max(self.oldest_s, late_s)
            await asyncio.sleep(0.02)


async def open_and_close(clients: list[Any], alerts: dict[int, Alert]) -> None:
    """Ten alerts over a phase, each open for about a second, told to either worker."""
    clock = asyncio.get_running_loop().time
    for number in range(ALERTS_IN_A_PHASE):
        client = clients[number % len(clients)]
        async with client.post("/api/v1/alerts", json=ALERT) as answer:
            alert_id = (await answer.json())["alert_id"]
        alerts[alert_id] = Alert(clock())
        await asyncio.sleep(PHASE_S / ALERTS_IN_A_PHASE)
        still_open = [each for each, alert in alerts.items() if alert.closed_at == math.inf]
        for each in still_open[:-5]:
            alerts[each].close_asked_at = clock()
            async with client.post(f"/api/v1/alerts/{each}/close") as answer:
                assert answer.status == 200
            alerts[each].closed_at = clock()


@pytest.fixture
def valkey(data_directory: Path) -> Any:
    own = Valkey(socket=data_directory / "valkey.sock", log=data_directory / "valkey.log")
    own.start()
    yield own
    own.kill()


async def test_no_alert_is_told_or_kept_back_for_two_seconds_whatever_redis_does(
    settings: Settings, aiohttp_client: Any, valkey: Valkey
) -> None:
    own = dataclasses.replace(settings, redis_url=valkey.url)
    clients = [await aiohttp_client(make_app(own)) for _ in range(2)]
    alerts: dict[int, Alert] = {}
    watchers = [Watcher(client, alerts) for client in clients]
    polling = [asyncio.create_task(watcher.poll()) for watcher in watchers]

    def send(number: signal.Signals) -> None:
        assert valkey.process is not None
        valkey.process.send_signal(number)

    phases: list[Callable[[], None]] = [
        lambda: None,
        valkey.kill,
        valkey.start,
        lambda: send(signal.SIGSTOP),
        lambda: send(signal.SIGCONT),
    ]
    for begin in phases:
        begin()
        await open_and_close(clients, alerts)
    assert len(alerts) == len(phases) * ALERTS_IN_A_PHASE
    for watcher in watchers:
        await until(lambda watcher=watcher: watcher.seen == alerts.keys())  # type: ignore[misc]
    for task in polling:
        task.cancel()
    await asyncio.wait(polling)
    for watcher in watchers:
        print(f"{watcher.answers} answers, the oldest {watcher.oldest_s:.2f} s old")
        assert watcher.oldest_s < OLDEST_S
