"""What a killed parent leaves of its workers' counts is cleared by the next one."""

import os
import tempfile
import time
from pathlib import Path

import pytest

from transit_api.observe.metrics_directory import PREFIX, YOUNG_S, metrics_directory


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def make_leftover(parent: Path, age_s: float) -> Path:
    directory = parent / f"{PREFIX}left"
    directory.mkdir()
    (directory / "lock").touch()
    (directory / "counter_7.db").touch()
    os.utime(directory, times=(time.time() - age_s, time.time() - age_s))
    return directory


def test_it_is_gone_at_the_end() -> None:
    with metrics_directory() as directory:
        assert directory.is_dir()
    assert not directory.exists()


def test_leftover_of_a_killed_parent_is_cleared(temporary: Path) -> None:
    leftover = make_leftover(temporary, YOUNG_S + 1)
    with metrics_directory():
        assert not leftover.exists()


def test_one_that_was_only_just_made_is_kept(temporary: Path) -> None:
    young = make_leftover(temporary, 0)
    with metrics_directory():
        assert young.exists()


def test_one_in_use_is_kept_however_old() -> None:
    with metrics_directory() as first:
        os.utime(first, times=(0, 0))
        with metrics_directory():
            assert first.exists()
