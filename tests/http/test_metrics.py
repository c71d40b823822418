"""What /metrics tells, what is logged of requests, and the chores that run beside them."""

import asyncio
import contextlib
import dataclasses
import io
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from transit_api.app import make_app
from transit_api.database.pools import Database, DatabaseUnavailable
from transit_api.observe import logs
from transit_api.observe.logs import REQUEST_LOG, JsonFormatter, RequestLog
from transit_api.observe.metrics import METRICS, Metrics
from transit_api.process.upkeep import CHORES, ROUNDS, Chore, do_chore, repeat_chore, set_gauges
from transit_api.settings import Settings

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(api: Any) -> Samples:
    async with api.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        text = await answer.text()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def find(samples: Samples, name: str, **labels: str) -> float:
    """The sum over all label sets that hold these."""
    wanted = set(labels.items())
    found = [value for (each, held), value in samples.items() if each == name and wanted <= held]
    assert found, f"no {name} with {labels}"
    return sum(found)


async def growth(api: Any, name: str, request: Any, **labels: str) -> float:
    """How much a counter grew over a request that was made once."""
    before = await scrape(api)
    await request
    return find(await scrape(api), name, **labels) - find_or_zero(before, name, **labels)


def find_or_zero(samples: Samples, name: str, **labels: str) -> float:
    return find(samples, name, **labels) if holds(samples, name, **labels) else 0


def holds(samples: Samples, name: str, **labels: str) -> bool:
    wanted = set(labels.items())
    return any(each == name and wanted <= held for each, held in samples)


async def test_request_is_counted_by_method_route_template_and_status(api: Any) -> None:
    counter = "transit_http_request_duration_seconds_count"
    route = "/api/v1/cards/{card_id}"
    for path in ("/api/v1/cards/5", "/api/v1/cards/6"):
        labels = {"method": "GET", "route": route, "status": "404"}
        assert await growth(api, counter, api.get(path), **labels) == 1
    refused = {"route": route, "code": "card_not_found"}
    assert await growth(api, "transit_refusals_total", api.get(path), **refused) == 1


async def test_counts_are_added_once_however_often_they_are_asked_for(api: Any) -> None:
    labels = {"route": "/api/v1/cards/{card_id}", "code": "card_not_found"}
    await api.get("/api/v1/cards/5")
    first = find(await scrape(api), "transit_refusals_total", **labels)
    for _ in range(3):
        assert find(await scrape(api), "transit_refusals_total", **labels) == first


async def test_cached_reads_are_counted_by_what_answered_them(api: Any) -> None:
    name, revenue = "transit_cached_reads_total", "/api/v1/analytics/revenue"
    for result in ("MISS", "HIT"):
        read = api.get(revenue)
        assert await growth(api, name, read, family="revenue", result=result) == 1, result


async def test_batches_are_counted_by_size(api: Any) -> None:
    async def recharge(cards: int) -> None:
        recharges = [{"card_id": 4096, "amount": 5_000}] * cards
        path = "/api/v1/cards/recharge/batch"
        assert (await api.post(path, json={"recharges": recharges})).status == 200

    name, function = "transit_batch_elements", {"function": "recharge_cards"}
    assert await growth(api, f"{name}_sum", recharge(3), **function) == 3
    assert await growth(api, f"{name}_count", recharge(5), **function) == 1
    outcome = {**function, "outcome": "card_not_found"}
    assert await growth(api, "transit_outcomes_total", recharge(7), **outcome) == 7


async def test_pools_and_processes_are_shown(api: Any) -> None:
    assert (await api.get("/api/v1/stations")).status == 200
    with contextlib.suppress(TimeoutError):
        # It sets them at once, and again and again.
        await asyncio.wait_for(set_gauges(api.app), 0.01)
    samples = await scrape(api)
    for pool in ("reads", "writes", "upkeep"):
        for state in ("open", "in_use", "waiting"):
            value = find(samples, "transit_database_connections", pool=pool, state=state)
            # One read was made, one connection opened for it, and it is free again.
            assert value == (1 if (pool, state) == ("reads", "open") else 0), (pool, state)
    worker = str(os.getpid())
    assert find(samples, "transit_worker_resident_memory_bytes", worker=worker) > 10_000_000
    assert find(samples, "transit_worker_cpu_seconds_total", worker=worker) > 0


async def test_processor_time_is_a_counter(api: Any) -> None:
    async with api.get("/metrics") as answer:
        text = await answer.text()
    assert "# TYPE transit_worker_cpu_seconds_total counter" in text
    before = find(await scrape(api), "transit_worker_cpu_seconds_total")
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    assert find(await scrape(api), "transit_worker_cpu_seconds_total") > before


@pytest.mark.parametrize("content", [b"", b"\x01", b"\xff\xff\xff\x7f" * 1024, b"\x40\0\0\0" * 64])
async def test_unreadable_file_is_left_out_counted_and_said_once(
    api: Any, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    unreadable = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]) / "counter_1.db"
    await api.get("/api/v1/cards/5")
    assert find(await scrape(api), "transit_metrics_files_unreadable") == 0
    unreadable.write_bytes(content)
    try:
        for _ in range(2):
            samples = await scrape(api)
            assert find(samples, "transit_metrics_files_unreadable") == 1
            assert find(samples, "transit_refusals_total", code="card_not_found") > 0
    finally:
        unreadable.unlink()
    assert [record.getMessage() for record in caplog.records] == [
        "metrics of counter_1.db cannot be read and are left out"
    ]


def test_process_alone_answers_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    metrics.observe_request("GET", "/alone", 200, 0.003)
    metrics.flush()
    # Only now: the library chose its files when it was imported, and opens them on first use.
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    assert b'route="/alone"' in metrics.render()


async def test_histogram_says_what_was_observed(api: Any) -> None:
    metrics: Metrics = api.app[METRICS]
    for seconds in (0.0005, 0.001, 0.002, 0.3, 60.0):
        metrics.observe_request("GET", "/observed", 200, seconds)
    samples = await scrape(api)
    name = "transit_http_request_duration_seconds"
    at_most = {"0.001": 2, "0.0025": 3, "0.25": 3, "0.5": 4, "5.0": 4, "+Inf": 5}
    for bound, count in at_most.items():
        assert find(samples, f"{name}_bucket", route="/observed", le=bound) == count
    assert find(samples, f"{name}_count", route="/observed") == 5
    assert find(samples, f"{name}_sum", route="/observed") == pytest.approx(60.3035)
    assert find(await scrape(api), f"{name}_count", route="/observed") == 5


async def test_count_is_told_once_however_often_it_is_flushed(api: Any) -> None:
    metrics: Metrics = api.app[METRICS]
    metrics.count_cached_read("told once", "HIT")
    metrics.count_outcomes("told_once", [{"outcome": "accepted"}] * 3)
    metrics.observe_request("GET", "/told/once", 404, 0.001, "not_found")
    for _ in range(3):
        metrics.flush()
        samples = await scrape(api)
        assert find(samples, "transit_cached_reads_total", family="told once") == 1
        assert find(samples, "transit_outcomes_total", function="told_once") == 3
        assert find(samples, "transit_refusals_total", route="/told/once") == 1


async def test_paths_that_nobody_serves_share_one_label(api: Any) -> None:
    counter = "transit_http_request_duration_seconds_count"
    assert (await api.get("/api/v1/no/such/path/0")).status == 404
    before = await scrape(api)
    for number in range(1, 6):
        assert (await api.get(f"/api/v1/no/such/path/{number}")).status == 404
    after = await scrape(api)
    labels = {"method": "GET", "route": "unmatched", "status": "404"}
    assert find(after, counter, **labels) == find(before, counter, **labels) + 5
    assert not [held for name, held in after if "no/such/path" in str(held)]


async def test_log_line_of_a_refusal_names_its_code(
    settings: Settings, aiohttp_client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = dataclasses.replace(settings, log_level="info", log_format="json")
    api = await aiohttp_client(make_app(chosen))
    await api.get("/api/v1/cards/5")
    await api.get("/health/live")
    await api.app[REQUEST_LOG].flush()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["route"], line["status"], line["outcome"]) for line in lines] == [
        ("/api/v1/cards/{card_id}", 404, "card_not_found"),
        ("/health/live", 200, None),
    ]


async def test_log_line_names_the_card_and_the_trip_that_were_touched_by_their_ids(
    settings: Settings, aiohttp_client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = dataclasses.replace(settings, log_level="info", log_format="json")
    api = await aiohttp_client(make_app(chosen))
    card = await (await api.post("/api/v1/cards", json={})).json()
    card_id = card["card_id"]
    recharge = {"card_id": card_id, "amount": 10_000}
    await api.post("/api/v1/cards/recharge", json=recharge)
    tap = {"card_id": card_id, "station_id": 1}
    trip_id = (await (await api.post("/api/v1/trips/start", json=tap)).json())["trip_id"]
    await api.post("/api/v1/trips/end", json={"trip_id": trip_id, "station_id": 2})
    await api.get(f"/api/v1/cards/{card_id}/balance")
    await api.get(f"/api/v1/trips/{trip_id}")
    await api.get(f"/api/v1/cards/{'9' * 40}")
    await api.post("/api/v1/trips/start", json={**tap, "station_id": 2**40})
    await api.get("/api/v1/stations")
    await api.app[REQUEST_LOG].flush()
    written = capsys.readouterr().out
    lines = [json.loads(line) for line in written.splitlines()]
    assert [(line.get("card_id"), line.get("trip_id")) for line in lines] == [
        (card_id, None),
        (card_id, None),
        (card_id, trip_id),
        (card_id, trip_id),
        (card_id, None),
        (None, trip_id),
        (None, None),
        (card_id, None),
        (None, None),
    ]
    assert "card_id" not in lines[-1] and "trip_id" not in lines[-1]
    assert card["card_number"] not in written


def note(log: RequestLog, status: int = 200) -> None:
    code = None if status == 200 else "card_not_found"
    route = "/api/v1/cards/{card_id}"
    log.add((1_700_000_000.5, "r-1", "GET", route, status, 0.00123, code, None, None))


async def test_request_is_one_json_line() -> None:
    stream = io.StringIO()
    log = RequestLog(stream, as_json=True)
    note(log)
    note(log, status=404)
    assert stream.getvalue() == ""
    await log.flush()
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first == {
        "at": "2023-11-14T22:13:20.500000Z",
        "request_id": "r-1",
        "method": "GET",
        "route": "/api/v1/cards/{card_id}",
        "status": 200,
        "duration_ms": 1.23,
        "outcome": None,
    }
    assert second["outcome"] == "card_not_found"


async def test_lines_beyond_the_buffer_are_counted_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logs, "BUFFERED_LINES", 2)
    stream = io.StringIO()
    log = RequestLog(stream, as_json=True)
    for _ in range(5):
        note(log)
    await log.flush()
    assert len(stream.getvalue().splitlines()) == 2
    assert [record.dropped for record in caplog.records] == [3]


def test_defect_is_a_json_line_with_its_stack_and_request() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.Logger("defects")
    logger.addHandler(handler)
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logger.exception("defect", extra={"request_id": "r-2"})
    line = json.loads(stream.getvalue())
    assert (line["level"], line["request_id"]) == ("error", "r-2")
    assert "ZeroDivisionError" in line["stack"]


async def test_chores_can_be_done(settings: Settings) -> None:
    database = Database(settings)
    assert [await do_chore(database, chore) for chore in CHORES] == [0] * len(CHORES)
    await database.close()


class Outage:
    """A database that is away for the first calls."""

    def __init__(self, calls: int) -> None:
        self.left = calls
        self.worked = asyncio.Event()

    async def run_upkeep(self, sql: str, params: Any) -> list[dict[str, int]]:
        if self.left:
            self.left -= 1
            raise DatabaseUnavailable
        self.worked.set()
        return [{"done": 0}]


async def test_outage_is_logged_when_it_begins_and_ends_and_not_between(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outage: Any = Outage(calls=5)
    metrics = Metrics()
    chore = asyncio.create_task(repeat_chore(outage, Chore("fold_rollups", 0.001, 10), metrics))
    await outage.worked.wait()
    await asyncio.sleep(0)
    chore.cancel()
    assert [record.getMessage() for record in caplog.records] == [
        "fold_rollups waits for the database",
        "fold_rollups works again",
    ]
    finished = metrics.registry.get_sample_value(
        "transit_chore_finished_timestamp_seconds", {"chore": "fold_rollups"}
    )
    assert finished is not None and abs(finished - time.time()) < 60


async def test_requests_are_not_logged_where_only_warnings_are_wanted() -> None:
    stream = io.StringIO()
    log = RequestLog(stream, as_json=True, wanted=False)
    note(log)
    await log.flush()
    assert stream.getvalue() == ""


class Backlog:
    """A database that has so much left to do."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.rounds = 0

    async def run_upkeep(self, sql: str, params: Any) -> list[dict[str, int]]:
        (limit,) = params
        done = min(limit, self.left)
        self.left -= done
        self.rounds += 1
        return [{"done": done}]


async def test_backlog_is_worked_off_in_bounded_rounds() -> None:
    chore = Chore("fold_rollups", 1.0, 10)
    small: Any = Backlog(25)
    assert await do_chore(small, chore) == 25
    assert (small.left, small.rounds) == (0, 3)
    endless: Any = Backlog(10**6)
    assert await do_chore(endless, chore) == ROUNDS * 10
    assert endless.rounds == ROUNDS
