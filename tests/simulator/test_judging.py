"""Scenario files, thresholds and measurements: what is taken, what is refused, what is said."""

import pickle

import pytest

from simulator.measure import Recorder, latency_rows, percentile_ms, recent_rows
from simulator.scenario import BadInput, load_scenario, parse_scenario, scenario_names
from simulator.thresholds import parse_threshold


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_that_comes_along_is_one(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.rate > 0


def test_the_scenarios_that_are_promised_are_there() -> None:
    assert set(scenario_names()) >= {
        "rush-hour", "sunday", "payday", "station-incident", "offline-buses",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rate = ", "scenario mine: Invalid value"),
        ("raet = 5", "unknown word 'raet'"),
        ("name = 'x'", "unknown word 'name'"),
        ("rate = 'fast'", "rate cannot be 'fast'"),
        ("rate = -1", "rate must not be below 0"),
        ("vehicles = 1", "vehicles cannot be 1"),
        ("day_type = 'monday'", "weekday, saturday or sunday"),
        ("from = '25:00'", "not a time like 05:30"),
        ("from = '10:00'\nto = '09:00'", "from must come before to"),
        ("[habits]\nballance = 1", "unknown word 'ballance' in habits"),
        ("[[bursts]]\nat_s = 1\nsize = 3", "unknown word 'size' in bursts"),
        ("[[bursts]]\nat_s = 1", "bursts needs"),
        ("habits = 3", "habits is a table"),
        ("bursts = 3", "bursts is a list of tables"),
    ],
)
def test_a_wrong_scenario_is_refused_with_its_word(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        parse_scenario("mine", text)


def test_an_unknown_scenario_is_answered_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="no scenario 'rush'.*rush-hour"):
        load_scenario("rush")


def measured() -> Recorder:
    recorder = Recorder()
    recorder.wall_s = 10.0
    for number in range(100):
        recorder.sent(number / 10, 0.0001)
        recorder.answered("start_trip", "ok", number / 10, 0.010 + number / 10_000)
    recorder.answered("recharge", "insufficient_balance", 1.0, 0.5)
    return recorder


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("p99(start_trip) > 25ms", False),
        ("p99(start_trip) > 19ms", True),
        ("p50(start_trip)>14000us", True),
        ("p100 > 0.4s", True),
        ("p99.9(recharge) >= 400 ms", True),
        ("errors > 0%", False),
        ("refused > 0.5%", True),
        ("refused(insufficient_balance) < 0.5%", False),
        ("requests < 50", False),
        ("requests(recharge) <= 1", True),
        ("rate < 11/s", True),
        ("lag > 5ms", False),
    ],
)
def test_a_threshold_is_judged_by_the_measurements(text: str, holds: bool) -> None:
    assert parse_threshold(text).fails(measured()) is holds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("p99(start_trip) > ", "does not parse"),
        ("latency > 5ms", "does not parse"),
        ("p99 > 5", "given in us or ms or s"),
        ("p99 > 5%", "given in us or ms or s"),
        ("errors > 5ms", "given in %"),
        ("p101 > 5ms", "no percentile above 100"),
    ],
)
def test_a_threshold_that_does_not_parse_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        parse_threshold(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("p99(tap) > 5ms", "p99 has no 'tap'; there is .*start_trip"),
        ("requests(recharges) < 5", "requests has no 'recharges'; there is .*recharge"),
        ("refused(no_money) > 5%", "refused has no 'no_money'; .*insufficient_balance"),
        ("errors(start_trip) > 0%", "errors has no 'start_trip'; .*the whole run"),
        ("rate(start_trip) < 5/s", "rate has no 'start_trip'; .*the whole run"),
    ],
)
def test_a_threshold_on_what_does_not_exist_is_refused_before_the_run(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        parse_threshold(text)


def test_an_endpoint_that_nothing_asked_was_not_slow_and_had_no_requests() -> None:
    assert not parse_threshold("p99(end_trip) > 1ms").fails(measured())
    assert parse_threshold("requests(end_trip) < 1").fails(measured())
    assert not parse_threshold("p99 > 1ms").fails(Recorder())


def test_measurements_survive_the_way_between_processes_and_add_up() -> None:
    theirs = measured()
    theirs.failed("start_trip: 500 internal_error", 3.0)
    mine, other = measured(), pickle.loads(pickle.dumps(theirs))
    before = percentile_ms(mine.latency["start_trip"], 99)
    mine.merge(other)
    assert mine.requests() == 202
    assert percentile_ms(mine.latency["start_trip"], 99) == before
    assert mine.seconds[1].asked == 20
    assert mine.failures == {"start_trip: 500 internal_error": 1}
    assert latency_rows(mine)[0]["endpoint"] == "start_trip"


def test_the_live_view_shows_the_last_seconds_of_the_busiest_endpoints() -> None:
    rows = recent_rows(measured(), 9.9)
    assert [row["endpoint"] for row in rows] == ["start_trip"]
    assert rows[0]["count"] == 60
    assert 10 < rows[0]["p50"] < rows[0]["p99"] <= rows[0]["p100"] < 21


def test_percentiles_are_those_of_the_values() -> None:
    recorder = Recorder()
    for ms in range(1, 1001):
        recorder.answered("start_trip", "ok", 0.0, ms / 1000)
    for percentile in (50, 90, 99, 100):
        expected = pytest.approx(10 * percentile, rel=0.002)
        assert percentile_ms(recorder.latency["start_trip"], percentile) == expected
        assert latency_rows(recorder)[0][f"p{percentile}"] == expected
        assert recent_rows(recorder, 0.5)[0][f"p{percentile}"] == expected


def test_errors_are_the_failures_among_the_requests() -> None:
    recorder = measured()
    assert not parse_threshold("errors > 0%").fails(recorder)
    recorder.failed("start_trip: 500 internal_error", 3.0)
    assert parse_threshold("errors > 0%").fails(recorder)
    assert parse_threshold("errors >= 0.99%").fails(recorder)
    assert not parse_threshold("errors > 1%").fails(recorder)


def test_an_honest_run_is_not_spoiled_and_a_late_busy_or_dropping_one_is() -> None:
    recorder = measured()
    recorder.cpu_s = 1.0
    assert recorder.spoiled() == []
    for number in range(10):
        recorder.sent(number, 0.050)
    recorder.cpu_s = 9.9
    recorder.dropped["event"] = 3
    reasons = " ".join(recorder.spoiled())
    assert "send lag" in reasons
    assert "core" in reasons
    assert "3 pieces of work were dropped" in reasons
