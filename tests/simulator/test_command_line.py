"""`transit-sim`: what was asked wrongly ends at once with one clear line and exit code 2."""

import asyncio
import csv
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from simulator.__main__ import main
from tests.simulator.fake_service import FakeService


@pytest.fixture
def service() -> FakeService:
    """What serves at `fake_url`."""
    return FakeService()


@pytest.fixture
def fake_url(service: FakeService) -> Iterator[str]:
    """The fake service in a thread: the commands run loops of their own."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(service.app())

    async def start() -> int:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port: int = runner.addresses[0][1]
        return port

    port = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(runner.cleanup())
    loop.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "rush"], "no scenario 'rush'"),
        (["run", "rush-hour", "--fail-if", "p99 high"], "does not parse"),
        (["run", "rush-hour", "--fail-if", "p99(tap) > 5ms"], "p99 has no 'tap'"),
        (["run", "rush-hour", "--html", "/dev/null/r.html"], "cannot write /dev/null/r.html"),
        (["run", "rush-hour", "--json", "/"], "cannot write /: Is a directory"),
        (["day", "--json", "/dev/null/day.json"], "cannot write /dev/null/day.json"),
        (["day", "--export", "/"], "cannot write /"),
        (["latency", "--json", "/dev/null/l.json"], "cannot write /dev/null/l.json"),
        (["run", "rush-hour", "--burst", "5"], "write AT:LASTING:FACTOR"),
        (["run", "rush-hour", "--workers", "0"], "--workers is 1 to 16"),
        (["run", "rush-hour", "--riders", "-1"], "riders must not be below 0"),
        (["run", "rush-hour", "--url", "http://127.0.0.1:9"], "does not accept connections"),
        (["run", "rush-hour", "--url", "localhost"], "not an http:// or https:// address"),
        (["city", "--riders", "5"], "--riders is 1,000 to"),
        (["day", "--scale", "3"], "--scale is at most 2"),
        (["day", "--only-export"], "--only-export needs"),
        (["day", "--url", "http://127.0.0.1:9"], "does not accept connections"),
        (["latency", "--rounds", "0"], "at least 1"),
        (["latency", "--base", "/nowhere.json"], "--base /nowhere.json"),
        (["latency", "--data-dir", "/nowhere"], "--data-dir /nowhere"),
    ],
)
def test_bad_input_is_one_line_and_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("arguments", [["run"], ["run", "rush-hour", "--rate", "0"], ["swim"]])
def test_a_wrong_option_is_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_a_run_writes_its_reports_and_judges_its_thresholds(
    fake_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = ["run", "rush-hour", "--url", fake_url, "--rate", "40", "--duration", "1.5",
             "--riders", "200"]  # fmt: skip
    files = ["--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")]
    assert main([*short, *files, "--fail-if", "errors > 0%"]) == 0
    assert orjson.loads((tmp_path / "r.json").read_bytes())["books"]["agree"] is True
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert main([*short, "--fail-if", "requests > 1"]) == 1
    assert "Met        requests > 1" in capsys.readouterr().out


def test_two_workers_drive_one_run(fake_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", "rush-hour", "--url", fake_url, "--rate", "40", "--duration", "2",
                 "--riders", "200", "--workers", "2"]  # fmt: skip
    assert main(arguments) == 0
    assert "CPU" in (out := capsys.readouterr().out)
    assert "200 riders" in out
    assert "agree to the peso" in out


def test_a_speed_needs_a_simulated_clock(fake_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "rush-hour", "--url", fake_url, "--speed", "60"]) == 2
    assert "--simulated-clock" in capsys.readouterr().err


def test_a_small_day_is_replayed_and_exported(
    fake_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = tmp_path / "day.csv"
    arguments = ["day", "--url", fake_url, "--scale", "0.0002", "--export", str(export)]
    assert main([*arguments, "--json", str(tmp_path / "day.json")]) == 0
    result = orjson.loads((tmp_path / "day.json").read_bytes())
    lines = export.read_text().splitlines()
    assert lines[0].startswith("id_trx,fecha_trx,id_tarjeta_trx,modo_trx,hora_trx")
    assert len(lines) - 1 == result["taps"] == pytest.approx(800, rel=0.15)
    assert result["books_agree"] is True
    assert "agree to the peso" in capsys.readouterr().out


def test_a_day_is_exported_without_a_service(tmp_path: Path) -> None:
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for file in files:
        assert main(["day", "--scale", "0.0005", "--export", str(file), "--only-export"]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_an_exported_day_has_the_documented_columns_and_types_of_urbantrips(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    assert main(["day", "--scale", "0.002", "--export", str(path), "--only-export"]) == 0
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 1000
    whole = ("id_trx", "id_tarjeta_trx", "hora_trx", "id_linea_trx", "interno_trx", "orden_trx")
    assert set(rows[0]) == {*whole, "fecha_trx", "modo_trx", "latitud_trx", "longitud_trx"}
    orders: dict[str, list[int]] = {}
    for number, row in enumerate(rows, 1):
        assert all(row[name].isdecimal() for name in whole), row
        assert int(row["id_trx"]) == number
        at = datetime.strptime(row["fecha_trx"], "%Y-%m-%d %H:%M:%S")
        assert at.hour == int(row["hora_trx"])
        assert row["modo_trx"] in ("brt", "autobus", "cable")
        assert 4 < float(row["latitud_trx"]) < 5 and -75 < float(row["longitud_trx"]) < -73
        orders.setdefault(row["id_tarjeta_trx"], []).append(int(row["orden_trx"]))
    assert all(order == list(range(len(order))) for order in orders.values())
    assert max(map(len, orders.values())) > 1
    assert {int(row["hora_trx"]) for row in rows} >= set(range(6, 20))


def test_the_city_is_printed_and_judged(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["city", "--riders", "2000", "--max-error", "1"]) == 0
    assert main(["city", "--riders", "2000", "--max-error", "0.001"]) == 1
    out = capsys.readouterr().out
    assert "trunk taps per card" in out
    assert "FAILS" in out


DRIVE = ("run", "rush-hour", "--rate", "60", "--duration", "2", "--riders", "200")


@pytest.mark.parametrize("misdeed", ["forget a fare", "hide a card", "miscount"])
def test_a_run_whose_books_differ_is_code_1(
    fake_url: str, service: FakeService, misdeed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    service.misdeed = misdeed
    assert main([*DRIVE, "--url", fake_url]) == 1
    out = capsys.readouterr().out
    assert "DO NOT AGREE" in out
    assert "agree to the peso" not in out


def test_the_failures_of_every_worker_are_told(
    fake_url: str, service: FakeService, tmp_path: Path
) -> None:
    service.misdeed = "break"
    report = tmp_path / "r.json"
    assert main([*DRIVE, "--url", fake_url, "--workers", "2", "--json", str(report)]) == 1
    told = orjson.loads(report.read_bytes())["failures"]
    # of each share of the riders there is one who looks at arrivals
    assert sum(told.values()) == service.broken > 2


@pytest.mark.parametrize("misdeed", ["forget a fare", "hide a card", "owe in secret", "miscount"])
def test_a_day_whose_books_differ_is_code_1(
    fake_url: str, service: FakeService, misdeed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    service.misdeed = misdeed
    assert main(["day", "--url", fake_url, "--scale", "0.0002"]) == 1
    assert "agree to the peso" not in capsys.readouterr().out
