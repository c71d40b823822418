"""Breaks the service and the simulator in a copy of the tree, and runs the tests there."""

import importlib
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.mutants.python_mutants import PYTHON_MUTANTS, PythonMutant

ROOT = Path(__file__).parent.parent.parent
# The machine that this is made for has two cores.
AT_ONCE = 2
# What a tree holds beside its sources.
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".data", "reports", ".*_cache", ".hypothesis", "*.egg-info"
)
# Imported once, before the processes that run the tests are forked.
SHARED = (
    "aiohttp.web",
    "aiopg",
    "faker",
    "hdrh.histogram",
    "hypothesis",
    "marshmallow",
    "openapi_schema_validator",
    "redis.asyncio",
    "rich.console",
    "schemathesis",
    "uvloop",
)
# Imported anew: what may be broken, and what looks at the environment when it is imported.
OWN = ("transit_api", "simulator", "tests", "prometheus_client")
# A test that a mutant makes wait for ever has noticed it.
HANGS_AFTER_S = 120
PASSED, FAILED = 0, 1


@dataclass(frozen=True)
class Task:
    """A file of the tree with other contents (none: the tree as it is), and the tests to run."""

    file: str
    source: bytes
    # Paths below tests/, ids too.
    tests: tuple[str, ...]


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


def mutate(tree: Path, mutant: PythonMutant) -> bytes:
    """A file of a tree with its one place changed; ValueError if it is not there once."""
    source = (tree / mutant.file).read_text(encoding="utf-8")
    places = source.count(mutant.text)
    if places != 1:
        raise ValueError(f"{mutant.file} has {places} times `{mutant.text}`")
    changed = source.replace(mutant.text, mutant.replacement)
    # A body that is no Python at all would die of any test.
    compile(changed, mutant.file, "exec")
    return changed.encode()


def run_task(task: Task, directory: Path) -> None:
    """In a process of its own: the tests on a copy of the tree with a change in it."""
    with (directory / "output").open("w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    tree = Path(shutil.copytree(ROOT, directory / "tree", ignore=NOT_COPIED))
    if task.file:
        (tree / task.file).write_bytes(task.source)
    temporary = directory / "tmp"
    temporary.mkdir()
    for name in [name for name in sys.modules if name.partition(".")[0] in OWN]:
        del sys.modules[name]
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    tempfile.tempdir = str(temporary)
    os.environ |= {"PYTHONPATH": str(tree), "TMPDIR": str(temporary), "TRANSIT_TEST_POSTGRES": "18"}
    code = pytest.main(
        ["-x", "-rfE", "--tb=line", "--assert=plain", "-p", "no:cacheprovider",
         "-o", f"faulthandler_timeout={HANGS_AFTER_S}", *(f"tests/{test}" for test in task.tests)]
    )  # fmt: skip
    sys.exit(int(code))


def run_tasks(tasks: Sequence[Task]) -> Iterator[Trial]:
    """What became of each, in their order; some run at once."""
    for name in SHARED:
        importlib.import_module(name)
    waiting, done = list(enumerate(tasks)), dict[int, Trial]()
    running: dict[int, tuple[BaseProcess, int, Path, float]] = {}
    for number in range(len(tasks)):
        while number not in done:
            while waiting and len(running) < AT_ONCE:
                place, task = waiting.pop(0)
                # PostgreSQL runs as somebody else and passes through it.
                directory = Path(tempfile.mkdtemp(prefix="transit-mutant-"))
                directory.chmod(0o755)
                process = multiprocessing.get_context("fork").Process(
                    target=run_task, args=(task, directory)
                )
                process.start()
                running[process.sentinel] = (process, place, directory, time.monotonic())
            for sentinel in wait(list(running)):
                process, place, directory, began = running.pop(sentinel)  # type: ignore[index]
                process.join()
                output = (directory / "output").read_text(errors="replace")
                shutil.rmtree(directory, ignore_errors=True)
                done[place] = Trial(process.exitcode or 0, output, time.monotonic() - began)
        yield done[number]


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
    # By their room, so that each needs its servers once.
    rooms = [[test for test in tests if (test < "platform") is early] for early in (True, False)]
    trials = list(run_tasks([Task("", b"", tuple(room)) for room in rooms if room]))
    for trial in trials:
        if trial.code != PASSED:
            print(f"the tests fail without a mutant:\n{trial.output[-4000:]}")
    seconds = max(trial.seconds for trial in trials)
    print(
        f"{len(tests)} tests and files of them tried without a mutant ({seconds:.0f} s)", flush=True
    )
    return all(trial.code == PASSED for trial in trials)


def run_python(words: Sequence[str]) -> int:
    """Each of the mutants whose description or file has one of the words; 1 if one survives."""
    mutants = [
        mutant
        for mutant in PYTHON_MUTANTS
        if not words or any(word in f"{mutant.file} {mutant.breaks}" for word in words)
    ]
    if not mutants or not check_the_truth(mutants):
        return 1
    tasks = [Task(mutant.file, mutate(ROOT, mutant), mutant.tests) for mutant in mutants]
    killed = [judge(*pair) for pair in zip(mutants, run_tasks(tasks), strict=True)]
    print(f"{sum(killed)} of {len(killed)} mutants of Python killed")
    return int(not all(killed))
