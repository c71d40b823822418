"""The quick path of the schemas against marshmallow's own, and cursors against strangers."""

import inspect
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

import transit_api.schemas.alerts
import transit_api.schemas.analytics
import transit_api.schemas.cards
import transit_api.schemas.operations
import transit_api.schemas.recharges
import transit_api.schemas.stations
import transit_api.schemas.trips
import transit_api.schemas.users
import transit_api.schemas.vehicles
from transit_api.http.answers import encode, instant
from transit_api.http.pagination import page
from transit_api.schemas.paging import PageOfDaysQuery, PageQuery
from transit_api.schemas.stations import StationsQuery
from transit_api.schemas.strict import BatchSchema, StrictSchema
from transit_api.schemas.trips import UserTripsQuery

SCHEMAS: list[type[StrictSchema]] = sorted(
    {
        schema
        for module in vars(transit_api.schemas).values()
        if inspect.ismodule(module)
        for schema in vars(module).values()
        if inspect.isclass(schema)
        and issubclass(schema, StrictSchema)
        and schema not in (StrictSchema, BatchSchema)
    },
    key=lambda schema: schema.__name__,
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["2026-11-20", "2026-11-20T06:00:00Z", "2026-11-20t06:00:00.1z", "online",
                     "basic", "B", "50", "\x00", "\ud800", "FULL", "a@b.co"]),
    st.lists(st.none(), max_size=1),
)  # fmt: skip


# What is slow here is a machine that others use too.
patient = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def outcome(read: Any, data: Any) -> Any:
    try:
        return read(data)
    except ValidationError as error:
        return error.messages


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.__name__)
@patient
@given(data=st.data())
def test_quick_path_reads_what_marshmallow_reads(schema: type[StrictSchema], data: Any) -> None:
    slow = schema()
    names = list(slow.load_fields)
    example = dict(schema.example)
    changes = data.draw(st.dictionaries(st.sampled_from([*names, "strange"]), scalars, max_size=4))
    dropped = data.draw(st.sets(st.sampled_from(names), max_size=2)) if names else set()
    body = {k: v for k, v in {**example, **changes}.items() if k not in dropped}
    assert outcome(slow.read, body) == outcome(slow.load, body)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.__name__)
def test_example_takes_the_quick_path(schema: type[StrictSchema]) -> None:
    if schema.example and not issubclass(schema, BatchSchema):
        slow = schema()
        assert slow._read_quickly(dict(schema.example)) == slow.load(schema.example)


@patient
@given(st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30)), st.integers(-1439, 1439))
def test_time_is_spelt_in_utc_with_six_digits(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    spelt = instant(moment)
    assert len(spelt) == 27 and spelt.endswith("Z")
    assert datetime.fromisoformat(spelt) == moment
    assert encode({"at": moment}) == b'{"at":"%s"}' % spelt.encode()


@patient
@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_cursor_of_a_stranger_is_refused(cursor: str) -> None:
    for schema in (StationsQuery(), UserTripsQuery()):
        with pytest.raises(ValidationError) as refused:
            schema.read({"cursor": cursor})
        assert list(refused.value.messages_dict) == ["cursor"]


@patient
@given(st.integers(1, 2**53 - 1), st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_cursor_leads_back_to_its_row(identifier: int, naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    rows = [{"id": identifier, "at": at}, {"id": 1, "at": at}]
    by_id = page(rows, {"limit": 1}, StationsQuery, lambda row: (row["id"],))
    assert by_id["items"] == rows[:1]
    told = {"cursor": by_id["next_cursor"]}
    assert StationsQuery().read(told) == StationsQuery().load(told)
    assert StationsQuery().read(told)["cursor"] == (identifier,)
    by_moment = page(rows, {"limit": 1}, UserTripsQuery, lambda row: (row["at"], row["id"]))
    told = {"cursor": by_moment["next_cursor"]}
    assert UserTripsQuery().read(told)["cursor"] == (at, identifier)
    last = page(rows, {"limit": 2}, StationsQuery, lambda row: (row["id"],))
    assert last["next_cursor"] is None


def test_every_list_has_a_name_of_its_own() -> None:
    names = [
        schema.list_name
        for schema in SCHEMAS
        if issubclass(schema, PageQuery) and schema not in (PageQuery, PageOfDaysQuery)
    ]
    assert len(set(names)) == len(names) > 5 and "" not in names
