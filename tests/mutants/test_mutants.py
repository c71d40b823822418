"""The list of mutants, which `make mutants` runs, fits the procedures as they are."""

import shutil
from pathlib import Path

import pytest

from tests.mutants.__main__ import ROOT, mutate
from tests.mutants.mutants import MUTANTS
from transit_api.migrate import SQL


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.file}: {mutant.breaks}")
def test_mutant_changes_a_line_that_is_there(mutant, tmp_path):
    file = f"procedures/{mutant.file}.sql"
    (tmp_path / "procedures").mkdir()
    shutil.copy(SQL / file, tmp_path / file)
    mutate(tmp_path, mutant)
    assert (tmp_path / file).read_text() != (SQL / file).read_text()


def test_there_are_enough_mutants_and_their_tests_exist():
    assert len(MUTANTS) >= 20
    assert len({mutant.breaks for mutant in MUTANTS}) == len(MUTANTS)
    names = {name for mutant in MUTANTS for name in mutant.tests}
    assert {name for name in names if not Path(ROOT, f"tests/sql/test_{name}.py").exists()} == set()
