"""Applies the mutants one by one and prints which test killed each; 1 if one survives.

Nothing here touches the work tree. A mutant of the SQL is a copy of sql/ and a database made from
it, which the tests believe to be the template of all clones; one of Python is a copy of the tree.

`python -m tests.mutants WORD ...` runs those whose description or file has one of the words,
`--sql` or `--python` one kind of them. `--random SEED` draws mechanical mutants of Python instead.
"""

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.mutants.mutants import MUTANTS, Mutant
from tests.mutants.python_part import AT_ONCE, ROOT, run_python
from tests.mutants.random_mutants import run_random
from tests.procedures import procedure_file
from transit_api.database.migrate import SQL, migrate
from transit_api.local import embedded, embedded_roles
from transit_api.local.embedded import Servers, start_embedded
from transit_api.local.embedded_roles import DATABASE, OWNER, SUPERUSER

# A body that is no SQL at all would die of any test.
NO_SQL = ("SyntaxError", "UndefinedColumn", "UndefinedFunction", "UndefinedTable")

# For the processes that are forked from this one: the servers, and the procedures as they were
# at the start, so that a run does not mix what somebody edits meanwhile.
RUNNING: list[Servers] = []
SOURCE: list[Path] = []


@dataclass(eq=False)
class Run:
    """What the tests of one database came to."""

    passed: int = 0
    # The first test that failed, and the last line of why.
    failed: str | None = None
    reason: str = ""
    seconds: float = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)
        self.passed += report.when == "call" and report.passed

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: Any) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid.removeprefix("tests/sql/")
            crash = getattr(report.longrepr, "reprcrash", None)
            self.reason = crash.message.splitlines()[0] if crash else str(report.longrepr)


@dataclass(frozen=True)
class Task:
    """A database with some procedures, and the tests to run on it."""

    name: str
    tests: tuple[str, ...]
    mutant: Mutant | None = field(default=None)


def mutate(sql: Path, mutant: Mutant) -> None:
    """Change the one line of a copy of sql/; ValueError if it is not there once."""
    path = procedure_file(mutant.file, sql)
    lines = path.read_text().splitlines()
    places = [i for i, line in enumerate(lines) if line.strip() == mutant.line]
    if len(places) != 1:
        raise ValueError(f"{path.name} has {len(places)} lines `{mutant.line}`")
    lines[places[0]] = mutant.replacement
    path.write_text("\n".join(lines) + "\n")


def make_database(servers: Servers, task: Task, directory: Path) -> None:
    """A copy of the migrated database, its functions rebuilt with the mutant among them."""
    connection = psycopg2.connect(servers.postgresql.url(SUPERUSER, "postgres"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE DATABASE {task.name} OWNER {OWNER} TEMPLATE {DATABASE} STRATEGY FILE_COPY"
        )
    connection.close()
    if task.mutant:
        sql = Path(shutil.copytree(SOURCE[0], directory / "sql"))
        mutate(sql, task.mutant)
        migrate(servers.postgresql.url(OWNER, task.name), sql)


def run_task(task: Task) -> Run:
    """In a process of its own: let the tests find this database where they start servers."""
    began, run = time.monotonic(), Run()
    with tempfile.TemporaryDirectory(prefix="transit-mutant-") as directory:
        servers = RUNNING[0]
        make_database(servers, task, Path(directory))
        # The template that tests/conftest.py clones, which is imported after this.
        embedded_roles.DATABASE = task.name

        @contextmanager
        def running(*_: Any, **__: Any) -> Iterator[Servers]:
            yield servers

        embedded.start_embedded = running
        os.environ["TRANSIT_TEST_POSTGRES"] = "18"
        with (Path(directory) / "output").open("w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            files = [f"tests/sql/test_{name}.py" for name in task.tests]
            code = pytest.main(
                ["-x", "--assert=plain", "-p", "no:cacheprovider", *files], plugins=[run]
            )
        if code != pytest.ExitCode.OK and run.failed is None:
            raise RuntimeError((Path(directory) / "output").read_text())
    run.seconds = time.monotonic() - began
    return run


def judge(mutant: Mutant, run: Run) -> bool:
    """Print what became of a mutant; True if it was killed."""
    if run.failed is None:
        verdict = f"SURVIVED {run.passed} tests"
    elif any(word in run.reason for word in NO_SQL):
        verdict = f"NONSENSE and no lie: {run.reason}"
    else:
        verdict = f"killed by {run.failed} ({run.seconds:.0f} s)"
    print(f"{mutant.file}: {mutant.breaks}\n    {verdict}", flush=True)
    return verdict.startswith("killed")


def check_the_truth(pool: Any, names: set[str]) -> bool:
    """Whether the tests pass without a mutant; one that fails anyway kills nothing."""
    tasks = [Task(f"truth_{name}", (name,)) for name in sorted(names)]
    runs = dict(zip(sorted(names), pool.map(run_task, tasks, chunksize=1), strict=True))
    for name, run in runs.items():
        if run.failed or not run.passed:
            print(f"{name} fails without a mutant: {run.failed} {run.reason}")
    print(f"{sum(run.passed for run in runs.values())} tests pass without a mutant", flush=True)
    return all(run.passed and not run.failed for run in runs.values())


def run_sql(words: list[str]) -> int:
    """Each of the mutants whose description or file has one of the words; 1 if one survives."""
    mutants = [
        mutant
        for mutant in MUTANTS
        if not words or any(word in f"{mutant.file} {mutant.breaks}" for word in words)
    ]
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="transit-mutants-") as directory:
        Path(directory).chmod(0o755)
        with start_embedded(Path(directory), durable=False) as servers:
            SOURCE.append(Path(shutil.copytree(SQL, Path(directory) / "sql")))
            migrate(servers.owner_url, SOURCE[0])
            RUNNING.append(servers)
            # One task a process: what a test run imports and patches ends with it.
            with multiprocessing.get_context("fork").Pool(AT_ONCE, maxtasksperchild=1) as pool:
                names = {name for mutant in mutants for name in mutant.tests}
                if not names or not check_the_truth(pool, names):
                    return 1
                tasks = [
                    Task(f"mutant_{number}", mutant.tests, mutant)
                    for number, mutant in enumerate(mutants)
                ]
                runs = pool.imap(run_task, tasks, chunksize=1)
                killed = [judge(mutant, run) for mutant, run in zip(mutants, runs, strict=True)]
    print(f"{sum(killed)} of {len(killed)} mutants of SQL killed")
    return int(not all(killed))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("words", nargs="*", metavar="WORD", help="those that have one of the words")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="the same")
    parser.add_argument("--sql", action="store_true", help="only those of the procedures")
    parser.add_argument("--python", action="store_true", help="only those of service and simulator")
    parser.add_argument("--random", type=int, metavar="SEED", help="mechanical ones of Python")
    parser.add_argument("--count", type=int, default=40, help="how many at random (%(default)s)")
    chosen = parser.parse_args(arguments)
    if chosen.random is not None:
        return run_random(chosen.random, chosen.count)
    words = chosen.words + chosen.only
    kinds = [run_sql] if chosen.sql else [run_python] if chosen.python else [run_sql, run_python]
    return max(run(words) for run in kinds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
