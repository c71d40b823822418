"""Two builds with a promise broken on purpose: a suite that passes them would see nothing."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.run import Verdict, run_seed
from tests.faults.schedule import Fault
from tests.faults.stack import Stack, start_stack
from tests.procedures import procedure_file
from transit_api.database.migrate import SERVICE_ROLE, SQL

SEED = 1


def change(file: Path, old: str, new: str) -> None:
    """Replace what must be there once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file.name} no longer says {old!r}: adapt the mutant"
    file.write_text(text.replace(old, new), encoding="utf-8")


def forget_keys(sql: Path) -> None:
    """A request sent again is decided again; the records' own constraint would make it an error."""
    change(procedure_file("recall", sql), "IF p_key IS NULL THEN", "IF true THEN")
    for file, key in (("read_tap_facts", "t.key"), ("read_tap_facts_again", "v_tap.key")):
        change(procedure_file(file, sql), f"r.key = {key}", f"r.key = {key} AND false")
    change(
        procedure_file("write_decisions", sql),
        "WHERE (d.record).key IS NOT NULL;",
        "WHERE (d.record).key IS NOT NULL ON CONFLICT DO NOTHING;",
    )
    change(
        procedure_file("remember", sql),
        "THEN true END\n    );",
        "THEN true END\n    ) ON CONFLICT DO NOTHING;",
    )


def answer_before_commit(stack: Stack) -> None:
    """An answer leaves before its commit is on disk, where only the log's writer takes it later."""
    stack.query(f"ALTER ROLE {SERVICE_ROLE} SET synchronous_commit = off")
    stack.query("ALTER SYSTEM SET wal_writer_delay = '10s'")
    stack.query("ALTER SYSTEM SET wal_writer_flush_after = '1GB'")
    stack.query("SELECT pg_reload_conf()")


@contextmanager
def copied_sql(folder: Path) -> Iterator[Path]:
    """A copy of sql/ that may be changed."""
    copy = folder / "sql"
    shutil.copytree(SQL, copy)
    yield copy


def run_without_keys(folder: Path, seconds: float) -> Verdict:
    """Lost answers are asked again, and must be seen to act twice."""
    with copied_sql(folder) as sql:
        forget_keys(sql)
        with start_stack(sql) as stack:
            cut = [Fault(at, "client connections cut", 0.0, 0) for at in (0.5, 1.0, 1.5)]
            return run_seed(stack, SEED, seconds, cut)


def run_without_commits(_: Path, seconds: float) -> Verdict:
    """What was acknowledged must be seen to be gone after a kill."""
    with start_stack(before_serve=answer_before_commit) as stack:
        kills = [Fault(at, "database killed", 0.2, 0) for at in (seconds / 3, seconds / 1.5)]
        return run_seed(stack, SEED, seconds, kills)


MUTANTS: dict[str, tuple[Callable[[Path, float], Verdict], tuple[str, ...]]] = {
    "keys are not looked up": (run_without_keys, ("two effects", "trips")),
    "answers leave before the commit": (run_without_commits, ("lost: ",)),
}


def was_seen(verdict: Verdict, words: tuple[str, ...]) -> bool:
    """Whether the run failed, and for the right reason."""
    return not verdict.passed and any(
        word in problem for problem in verdict.problems for word in words
    )
