"""A client of every endpoint of the degradation table, which tells answers in its words."""

import http.client
import itertools
import json
import time
from typing import Any
from urllib.parse import urlsplit

from tests.faults.stack import Stack

V1 = "/api/v1"
STATION = 1
TIMEOUT_S = 10.0


class Client:
    """A validator, a rider's phone and an operator: one request of each endpoint."""

    _sequences = itertools.count(1)

    def __init__(self, stack: Stack) -> None:
        self.address = urlsplit(stack.own_url)
        self.card_id = self.post(f"{V1}/cards", {})["card_id"]
        recharge = {"card_id": self.card_id, "amount": 150_000}
        self.post(f"{V1}/cards/recharge", recharge)
        self.device_id = time.time_ns() // 1_000_000
        self.report_vehicle()

    def report_vehicle(self) -> None:
        """A bus on its way to the station, so that there are arrivals to predict."""
        station = json.loads(self.ask("GET", f"{V1}/stations/{STATION}")[2])
        for route in station["routes"]:
            stops = json.loads(self.ask("GET", f"{V1}/routes/{route['route_id']}")[2])["stations"]
            numbers = {stop["station_id"]: stop["stop_sequence"] for stop in stops}
            if numbers[STATION] > min(numbers.values()):
                break
        position = {
            "vehicle_id": 1,
            "route_id": route["route_id"],
            "stop_sequence": numbers[STATION] - 1,
            "latitude": station["latitude"] + 0.02,
            "longitude": station["longitude"],
            "recorded_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        self.post(f"{V1}/vehicles/positions", {"positions": [position]})

    def request_of(self, endpoint: str) -> tuple[str, str, Any]:
        """Method, path and body."""
        number = next(self._sequences)
        gets = {
            "balance": f"{V1}/cards/{self.card_id}/balance",
            "history": f"{V1}/cards/{self.card_id}/history",
            "stations": f"{V1}/stations?limit=5",
            "arrivals": f"{V1}/stations/{STATION}/arrivals",
            "alerts": f"{V1}/stations/{STATION}/alerts",
            "analytics": f"{V1}/analytics/revenue",
            "health": "/health",
            "ready": "/health/ready",
            "metrics": "/metrics",
        }
        if endpoint in gets:
            return "GET", gets[endpoint], None
        if endpoint == "recharge":
            return "POST", f"{V1}/cards/recharge", {"card_id": self.card_id, "amount": 2_000}
        tap = {"card_id": self.card_id, "station_id": STATION}
        return (
            "POST",
            f"{V1}/trips/start",
            tap | {"device_id": self.device_id, "device_seq": number},
        )

    def ask(
        self, method: str, path: str, body: Any = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request on a connection of its own; again where its worker died under it."""
        assert self.address.hostname
        for attempt in (1, 2):
            connection = http.client.HTTPConnection(
                self.address.hostname, self.address.port, timeout=TIMEOUT_S
            )
            headers = {"Content-Type": "application/json"} if body is not None else {}
            try:
                content = None if body is None else json.dumps(body)
                connection.request(method, path, content, headers)
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read()
            except ConnectionError:
                if attempt == 2:
                    raise
            finally:
                connection.close()
        raise AssertionError

    def post(self, path: str, body: Any) -> Any:
        """One that must succeed."""
        status, _, content = self.ask("POST", path, body)
        assert status < 300, content
        return json.loads(content)

    def word(self, endpoint: str) -> tuple[str, float]:
        """An answer in the words of the table, and its seconds."""
        method, path, body = self.request_of(endpoint)
        started = time.monotonic()
        status, headers, content = self.ask(method, path, body)
        seconds = time.monotonic() - started
        words = ["ok" if status < 300 else str(status)]
        if headers["X-Cache"]:
            words.append(headers["X-Cache"])
        if headers.get_content_type() == "application/problem+json":
            words.append(json.loads(content)["code"])
        elif endpoint == "health" and json.loads(content)["status"] != "ok":
            words.append(json.loads(content)["status"])
        if headers["Retry-After"]:
            words.append("+ Retry-After")
        return " ".join(words), seconds
