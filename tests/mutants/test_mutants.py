"""The lists of mutants, which `make mutants` runs, fit the procedures and modules as they are."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants import python_part
from tests.mutants.__main__ import ROOT, mutate
from tests.mutants.covered_by import COVERED_BY, PACKAGES, find_tests
from tests.mutants.mutants import MUTANTS
from tests.mutants.python_mutants import PYTHON_MUTANTS
from tests.mutants.random_mutants import draw
from tests.procedures import procedure_file


def name_of(mutant):
    return f"{mutant.file}: {mutant.breaks}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=name_of)
def test_mutant_changes_a_line_that_is_there(mutant, tmp_path):
    (tmp_path / "procedures").mkdir()
    copy = Path(shutil.copy(procedure_file(mutant.file), tmp_path / "procedures"))
    mutate(tmp_path, mutant)
    assert copy.read_text() != procedure_file(mutant.file).read_text()


@pytest.mark.parametrize("mutant", PYTHON_MUTANTS, ids=name_of)
def test_mutant_of_python_changes_a_place_that_is_there_once(mutant):
    assert python_part.mutate(ROOT, mutant) != (ROOT / mutant.file).read_bytes()


def test_there_are_enough_mutants_and_their_tests_exist():
    assert len(MUTANTS) >= 20
    assert len({mutant.breaks for mutant in MUTANTS}) == len(MUTANTS)
    names = {name for mutant in MUTANTS for name in mutant.tests}
    assert {name for name in names if not Path(ROOT, f"tests/sql/test_{name}.py").exists()} == set()


def test_there_are_enough_mutants_of_python_and_their_tests_exist():
    assert len(PYTHON_MUTANTS) >= 60
    assert len({mutant.breaks for mutant in PYTHON_MUTANTS}) == len(PYTHON_MUTANTS)
    for mutant in PYTHON_MUTANTS:
        for test in mutant.tests:
            file, _, name = test.partition("::")
            function = f"def {name.partition('[')[0]}"
            assert function in Path(ROOT, "tests", file).read_text(), test


def test_every_module_is_covered_by_tests_that_exist():
    modules = [
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in Path(ROOT, package).rglob("*.py")
    ]
    tests = {test for module in modules for test in find_tests(module)}
    assert {test for test in tests if not Path(ROOT, "tests", test).exists()} == set()
    unused = [key for key in COVERED_BY if not any(module.startswith(key) for module in modules)]
    assert unused == []


def test_mutants_at_random_are_those_of_their_seed_and_still_python():
    drawn = draw(7, 200)
    assert drawn == draw(7, 200) != draw(8, 200)
    assert len({mutant.kind for mutant in drawn}) == 7
    for mutant in drawn:
        assert mutant.changed() != (ROOT / mutant.file).read_bytes()
        compile(mutant.changed(), mutant.file, "exec")


def test_runner_sees_a_mutant_of_the_sql_that_must_die():
    """One that never reached the database of the tests would survive, as every other would."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants", "--sql", "--only", "tap before the first tariff"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert "1 of 1 mutants of SQL killed" in done.stdout, done.stdout + done.stderr
