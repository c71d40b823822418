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
    ],
)
def test_wrong_setting_is_one_line(variable: str, value: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(complaint)) as caught:
        read_settings({variable: value})
    assert "\n" not in str(caught.value)


def test_variables_of_others_are_not_ours() -> None:
    assert read_settings({"TRANSIT_TEST_POSTGRES": "15", "PORT": "x"}) == Settings()


def test_every_setting_has_a_meaning_and_numbers_have_limits() -> None:
    for field in dataclasses.fields(Settings):
        assert field.metadata["meaning"]
        if field.type in (int, float):
            assert {"minimum", "maximum"} <= set(field.metadata["limits"]), field.name


def test_only_settings_reads_the_environment() -> None:
    # The parent hands its environment on to a worker, where prometheus_client reads its own.
    handing_on = {"settings.py", "workers.py", "metrics.py"}
    for path in (ROOT / "transit_api").rglob("*.py"):
        if path.name not in handing_on:
            assert "os.environ" not in path.read_text(encoding="utf-8"), path


def test_readme_lists_every_setting_with_its_default() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for variable, default, _ in list_settings():
        shown = f"`{default}`" if default else ""
        assert re.search(rf"^\| `{variable}` \| {re.escape(shown)} ?\|", readme, re.M), variable
