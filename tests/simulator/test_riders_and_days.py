"""Who rides, what they do and when: pure functions of a seed."""

import hashlib
from collections import Counter

import pytest

from simulator.city import City, Picker, read_city
from simulator.day import Event, Habits, Purse, open_purse, plan_day, plan_riders
from simulator.riders import KINDS, Rider, identity, make_riders, rng_for
from simulator.tariffs import BOGOTA
from transit_api.schemas.users import canonical_document


@pytest.fixture(scope="module")
def city() -> City:
    return read_city()


def digest(things: object) -> str:
    return hashlib.sha256(repr(things).encode()).hexdigest()


def test_the_same_seed_gives_the_same_riders_and_events_byte_for_byte(city: City) -> None:
    def plan() -> str:
        riders = list(make_riders(city, 300, 7))
        days = [plan_riders(riders, {}, city.weekday, Habits(), 7, day) for day in range(2)]
        return digest((riders, days))

    assert plan() == plan()


def test_another_seed_gives_another_city(city: City) -> None:
    assert list(make_riders(city, 50, 1)) != list(make_riders(city, 50, 2))


def test_a_rider_is_the_same_however_many_there_are(city: City) -> None:
    few, many = list(make_riders(city, 10, 7)), list(make_riders(city, 500, 7))
    assert few == many[:10]


def test_shares_of_riders_are_those_of_the_kinds(city: City) -> None:
    assert sum(kind.share for kind in KINDS.values()) == pytest.approx(1.0)
    riders = list(make_riders(city, 8000, 7))
    counts = Counter(rider.kind for rider in riders)
    for name, kind in KINDS.items():
        assert counts[name] / len(riders) == pytest.approx(kind.share, abs=0.02)


def test_riders_fit_the_rules_of_the_service(city: City) -> None:
    for rider in make_riders(city, 2000, 7):
        assert rider.profile in BOGOTA.profiles
        limits = BOGOTA.channels[rider.channel][0]
        assert limits.minimum <= rider.amount <= limits.maximum
        assert rider.named or len(rider.home) == 1, "an anonymous card never transfers"


def test_the_run_id_makes_documents_new_and_names_stay() -> None:
    first, again, other = identity(5, 7, 100), identity(5, 7, 100), identity(5, 7, 101)
    assert first == again
    assert first.full_name == other.full_name
    assert first.document_id != other.document_id
    assert canonical_document(first.document_id) == first.document_id
    assert len(first.full_name.split()) >= 3


def a_rider(city: City, **wanted: object) -> Rider:
    return next(
        rider
        for rider in make_riders(city, 5000, 3)
        if all(getattr(rider, name) == value for name, value in wanted.items())
    )


def test_a_day_is_in_order_of_time(city: City) -> None:
    events = plan_riders(make_riders(city, 500, 7), {}, city.weekday, Habits(), 7, 0)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert {event.what for event in events} >= {"tap", "recharge", "arrivals", "balance"}


def test_a_short_purse_loads_money_before_the_tap(city: City) -> None:
    rider = a_rider(city, kind="casual", forgetful=0.0)
    for day in range(30):
        purse = Purse(money=0)
        events = plan_day(rider, purse, city.weekday, Habits(), rng_for(1, 0, f"day{day}"))
        money = [event.what for event in events if event.what in ("tap", "recharge")]
        if money:
            assert money[0] == "recharge"
            return
    pytest.fail("a rider who never rides in a month")


def test_a_rider_turned_away_loads_and_taps_again(city: City) -> None:
    rider = a_rider(city, kind="casual", forgetful=0.15)
    for day in range(2000):
        purse = Purse(money=0)
        events = plan_day(rider, purse, city.weekday, Habits(), rng_for(1, 0, f"day{day}"))
        order = [event.what for event in events if event.what in ("tap", "recharge")]
        if order[:1] == ["tap"]:
            assert order[:3] == ["tap", "recharge", "tap"]
            return
    pytest.fail("a forgetful rider who never forgets")


def test_a_lost_card_is_blocked_tried_and_replaced(city: City) -> None:
    habits = Habits(lost_factor=1e6)
    riders = list(make_riders(city, 200, 7))
    events = plan_riders(riders, {}, city.weekday, habits, 7, 0)
    of: dict[int, list[Event]] = {}
    for event in events:
        if event.what in ("lose", "found", "replace"):
            of.setdefault(event.rider, []).append(event)
    assert of
    assert any(event.what == "found" for found in of.values() for event in found)
    for found in of.values():
        assert [event.what for event in found][0] == "lose"
        assert [event.what for event in found][-1] == "replace"


def test_free_trips_and_passes_spare_the_purse(city: City) -> None:
    senior = a_rider(city, profile="senior_a")
    holder = a_rider(city, kind="pass_holder")
    assert open_purse(senior).free == 8
    assert open_purse(holder).prepaid == 65


def test_a_sunday_is_quieter_than_a_weekday(city: City) -> None:
    riders = list(make_riders(city, 2000, 7))
    taps = {
        kind: sum(e.what == "tap" for e in plan_riders(riders, {}, demand, Habits(), 7, 0))
        for kind, demand in (("weekday", city.weekday), ("sunday", city.sunday))
    }
    assert taps["sunday"] / taps["weekday"] == pytest.approx(0.30, abs=0.08)


def test_a_city_keeps_to_the_stations_a_service_knows() -> None:
    small = read_city(["02000", "05000", "40000", "001A01"])
    assert set(small.places) == {"02000", "05000", "40000", "001A01"}
    assert {place for rider in make_riders(small, 50, 1) for place in rider.home} <= set(
        small.places
    )


def test_nothing_to_draw_from_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        Picker((), ())
