"""Settings: one line for a wrong one, nothing silently ignored."""

import dataclasses
import re
from pathlib import Path

import pytest

from transit_api import settings as module
from transit_api.settings import Settings, SettingsError, list_settings, read_settings

ROOT = Path(module.__file__).parent.parent


def test_defaults_are_valid_and_survive_the_way_through_the_environment() -> None:
    chosen = dataclasses.replace(
        Settings(), port=0, simulated_clock=True, simulated_clock_start="2026-11-20T06:00:00-05:00"
    )
    assert read_settings({}) == Settings()
    assert read_settings(chosen.environment()) == chosen


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("TRANSIT_PORT", "http", "TRANSIT_PORT='http' is not a whole number"),
        ("TRANSIT_PORT", "65536", "TRANSIT_PORT=65536 is not between 0 and 65535"),
        ("TRANSIT_DRAIN_SECONDS", "nan", "TRANSIT_DRAIN_SECONDS=nan is not between"),
        ("TRANSIT_SIMULATED_CLOCK", "maybe", "TRANSIT_SIMULATED_CLOCK='maybe' is neither 1 nor 0"),
        ("TRANSIT_SIMULATED_CLOCK_START", "2026-11-20T06:00:00", "is no time like"),
        ("TRANSIT_LOG_LEVEL", "loud", "is none of debug, info, warning, error"),
        ("TRANSIT_PROT", "8000", "TRANSIT_PROT is not a setting"),
        ("TRANSIT_WORKRES", "2", "TRANSIT_WORKRES is not a setting"),
        ("TRANSIT_PORT", "tpc://10.0.0.1:80", "is not a whole number"),
        ("TRANSIT_SERVICE_PROT", "80", "TRANSIT_SERVICE_PROT is not a setting"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL is no address like postgresql://"),
        ("DATABASE_URL", "mysql://h/x", "DATABASE_URL is no address"),
        ("DATABASE_URL", "postgresql://h:99999/x", "DATABASE_URL is no address"),
        ("DATABASE_URL", "host=a,b port=1,2,3", "DATABASE_URL is no address"),
        ("DATABASE_URL", "postgresql://h/x?sslmode=maybe", "DATABASE_URL is no address"),
        ("TRANSIT_OWNER_DATABASE_URL", "x", "TRANSIT_OWNER_DATABASE_URL is no address"),
        ("REDIS_URL", "http://x", "REDIS_URL is no address like redis://"),
        ("REDIS_URL", "redis://h:99999/0", "REDIS_URL is no address"),
        ("REDIS_URL", "redis://h/zero", "REDIS_URL is no address"),
        ("REDIS_URL", "unix://", "REDIS_URL is no address"),
        ("REDIS_URL", "", "REDIS_URL is no address"),
    ],
)
def test_wrong_setting_is_one_line(variable: str, value: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(complaint)) as caught:
        read_settings({variable: value})
    assert "\n" not in str(caught.value)


def test_variables_of_others_are_not_ours() -> None:
    assert read_settings({"TRANSIT_TEST_POSTGRES": "15", "PORT": "x"}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "postgresql://u:p%40@h1:5432,h2:5433/x?target_session_attrs=primary"),
        ("DATABASE_URL", "postgres://u@/x?host=/run/postgresql"),
        ("DATABASE_URL", "host=h port=5432 dbname=x user=u"),
        ("REDIS_URL", "rediss://u:p@h:6380/1"),
        ("REDIS_URL", "redis://h"),
        ("REDIS_URL", "unix:///run/valkey.sock?db=0"),
    ],
)
def test_well_formed_address_is_taken_whoever_answers_there(variable: str, value: str) -> None:
    assert value in read_settings({variable: value}).environment().values()


def test_a_password_of_a_wrong_address_is_not_shown() -> None:
    for variable in ("DATABASE_URL", "REDIS_URL"):
        with pytest.raises(SettingsError) as caught:
            read_settings({variable: "http://u:canary%zz@h:port"})
        assert "canary" not in str(caught.value)


def injected_by_kubernetes(service: str) -> dict[str, str]:
    """What a pod finds in its environment when a service of that name lies beside it."""
    name = service.upper().replace("-", "_")
    return {
        f"{name}_SERVICE_HOST": "10.96.0.7",
        f"{name}_SERVICE_PORT": "8000",
        f"{name}_SERVICE_PORT_HTTP": "8000",
        f"{name}_PORT": "tcp://10.96.0.7:8000",
        f"{name}_PORT_8000_TCP": "tcp://10.96.0.7:8000",
        f"{name}_PORT_8000_TCP_PROTO": "tcp",
        f"{name}_PORT_8000_TCP_PORT": "8000",
        f"{name}_PORT_8000_TCP_ADDR": "10.96.0.7",
    }


@pytest.mark.parametrize("service", ["transit", "transit-api", "transit-api-2", "transit-valkey"])
def test_variables_of_kubernetes_are_nobodys_settings(service: str) -> None:
    assert read_settings(injected_by_kubernetes(service)) == Settings()


def test_no_setting_is_taken_for_a_variable_of_kubernetes() -> None:
    for variable, default, _ in list_settings():
        assert not module._is_injected(variable, default), variable


def test_every_setting_has_a_meaning_and_numbers_have_limits() -> None:
    for field in dataclasses.fields(Settings):
        assert field.metadata["meaning"]
        if field.type in (int, float):
            assert {"minimum", "maximum"} <= set(field.metadata["limits"]), field.name


def test_only_settings_reads_the_environment() -> None:
    # The parent hands its environment on to a worker, where prometheus_client reads its own, and
    # what runs pg_dump and psql hands it on to them.
    handing_on = {"settings.py", "supervisor.py", "metrics.py", "backup.py", "psql.py"}
    for path in (ROOT / "transit_api").rglob("*.py"):
        if path.name not in handing_on:
            assert "os.environ" not in path.read_text(encoding="utf-8"), path


def test_guide_lists_every_setting_with_its_default() -> None:
    readme = (ROOT / "compose" / "README.md").read_text(encoding="utf-8")
    for variable, default, _ in list_settings():
        shown = f"`{default}`" if default else ""
        assert re.search(rf"^\| `{variable}` \| {re.escape(shown)} ?\|", readme, re.M), variable
