"""Breaks the service and the simulator in a copy of the tree, and runs the tests there."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.python_mutants import PYTHON_MUTANTS, PythonMutant

ROOT = Path(__file__).parent.parent.parent
# The machine that this is made for has two cores.
AT_ONCE = 2
# What a tree holds beside its sources.
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".data", "reports", ".*_cache", ".hypothesis", "*.egg-info"
)
# A test that a mutant makes wait for ever has noticed it.
HANGS_AFTER_S = 120
PASSED, FAILED = 0, 1

Edit = Callable[[str], str]


@dataclass(frozen=True)
class Trial:
    """What became of the tests of one tree."""

    code: int
    output: str
    seconds: float

    @property
    def killer(self) -> str:
        """The first test that failed, and the reason that it gave."""
        found = re.search(r"^(?:FAILED|ERROR) tests/(.*)$", self.output, re.MULTILINE)
        return found[1] if found else "a test that hung"


def mutate(tree: Path, mutant: PythonMutant) -> None:
    """Change the one place of a file of a tree; ValueError if it is not there once."""
    path = tree / mutant.file
    source = path.read_text(encoding="utf-8")
    places = source.count(mutant.text)
    if places != 1:
        raise ValueError(f"{mutant.file} has {places} times `{mutant.text}`")
    path.write_text(source.replace(mutant.text, mutant.replacement), encoding="utf-8")
    # A body that is no Python at all would die of any test.
    compile(path.read_text(encoding="utf-8"), mutant.file, "exec")


def try_tests(change: Callable[[Path], None], tests: Iterable[str]) -> Trial:
    """Run tests (paths below tests/, ids too) on a copy of the tree with a change in it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="transit-mutant-") as directory:
        # PostgreSQL runs as somebody else and passes through it.
        Path(directory).chmod(0o755)
        temporary = Path(directory) / "tmp"
        temporary.mkdir(mode=0o1777)
        tree = Path(shutil.copytree(ROOT, Path(directory) / "tree", ignore=NOT_COPIED))
        change(tree)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-rfE", "--tb=line", "-p", "no:cacheprovider",
             "-o", f"faulthandler_timeout={HANGS_AFTER_S}", *(f"tests/{test}" for test in tests)],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), "TMPDIR": str(temporary),
                 "TRANSIT_TEST_POSTGRES": "18"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )  # fmt: skip
    return Trial(done.returncode, done.stdout, time.monotonic() - began)


def judge(mutant: PythonMutant, trial: Trial) -> bool:
    """Print what became of a mutant; True if it was killed."""
    if trial.code == PASSED:
        verdict = "SURVIVED"
    elif trial.code == FAILED:
        verdict = f"killed by {trial.killer} ({trial.seconds:.0f} s)"
    else:
        verdict = f"NONSENSE: the tests did not run\n{trial.output[-2000:]}"
    print(f"{mutant.file}: {mutant.breaks}\n    {verdict}", flush=True)
    return verdict.startswith("killed")


def check_the_truth(mutants: Sequence[PythonMutant]) -> bool:
    """Whether the tests pass without a mutant; one that fails anyway kills nothing."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    trial = try_tests(lambda tree: None, tests)
    if trial.code != PASSED:
        print(f"the tests fail without a mutant:\n{trial.output[-4000:]}")
    else:
        print(f"{len(tests)} tests pass without a mutant ({trial.seconds:.0f} s)", flush=True)
    return trial.code == PASSED


def run_python(words: Sequence[str]) -> int:
    """Each of the mutants whose description or file has one of the words; 1 if one survives."""
    mutants = [
        mutant
        for mutant in PYTHON_MUTANTS
        if not words or any(word in f"{mutant.file} {mutant.breaks}" for word in words)
    ]
    if not mutants or not check_the_truth(mutants):
        return 1
    killed = list(map(judge, mutants, _trials(mutants)))
    print(f"{sum(killed)} of {len(killed)} mutants of Python killed")
    return int(not all(killed))


def _trials(mutants: Sequence[PythonMutant]) -> Iterator[Trial]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(
            lambda mutant: try_tests(lambda tree: mutate(tree, mutant), mutant.tests), mutants
        )
