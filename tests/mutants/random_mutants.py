"""Mechanical mutants drawn at random from a seed, each tried on the tests of its module.

A comparison is swapped, a condition or a truth negated, a number one off, `and` becomes `or`, a
function returns None, a statement is left out. Words for people (docstrings, help, log lines) are
no targets: no test should depend on them.
"""

import ast
import difflib
from dataclasses import dataclass
from random import Random

from tests.mutants.covered_by import PACKAGES, find_tests
from tests.mutants.python_part import PASSED, ROOT, Task, Trial, run_tasks

SWAPPED: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Lt: ast.LtE(), ast.LtE: ast.Lt(), ast.Gt: ast.GtE(), ast.GtE: ast.Gt(),
    ast.Eq: ast.NotEq(), ast.NotEq: ast.Eq(), ast.Is: ast.IsNot(), ast.IsNot: ast.Is(),
    ast.In: ast.NotIn(), ast.NotIn: ast.In(),
}  # fmt: skip
DROPPED = (ast.Assign, ast.AugAssign, ast.Delete, ast.Raise, ast.Break, ast.Continue)
# Who speaks to people.
SPEAKERS = ("log.", "logging.", "console.", "print", "warnings.")


@dataclass(frozen=True)
class RandomMutant:
    """Bytes of a file from `start` to `end`, which become `replacement`."""

    file: str
    kind: str
    start: int
    end: int
    replacement: str

    def changed(self) -> bytes:
        """The file with it."""
        source = (ROOT / self.file).read_bytes()
        return source[: self.start] + self.replacement.encode() + source[self.end :]

    def diff(self) -> str:
        """What it changes, as a patch."""
        before, after = (ROOT / self.file).read_text(encoding="utf-8"), self.changed().decode()
        lines = difflib.unified_diff(
            before.splitlines(), after.splitlines(), self.file, self.file,
            n=1, lineterm="",
        )  # fmt: skip
        return "\n".join(lines)


class Sites(ast.NodeVisitor):
    """Every place of a file where a mutant may sit."""

    def __init__(self, file: str, source: bytes) -> None:
        self.file = file
        self.lines = source.splitlines(keepends=True)
        self.found: list[RandomMutant] = []
        self.visit(ast.parse(source))

    def _add(self, kind: str, node: ast.expr | ast.stmt, changed: ast.AST | str) -> None:
        text = changed if isinstance(changed, str) else ast.unparse(changed)
        if isinstance(node, ast.expr) and not isinstance(node, ast.Constant):
            text = f"({text})"
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = sum(map(len, self.lines[: node.lineno - 1])) + node.col_offset
        end = sum(map(len, self.lines[: node.end_lineno - 1])) + node.end_col_offset
        self.found.append(RandomMutant(self.file, kind, start, end, text))

    def visit(self, node: ast.AST) -> None:
        """Annotations say nothing at run time, and words are for people."""
        if isinstance(node, ast.JoinedStr) or _speaks(node):
            return
        super().visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        swapped = SWAPPED[type(node.ops[0])]
        changed = ast.Compare(node.left, [swapped, *node.ops[1:]], node.comparators)
        self._add("comparison swapped", node, changed)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        self._add("and/or swapped", node, ast.BoolOp(other, node.values))
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        self._add("condition negated", node.test, ast.UnaryOp(ast.Not(), node.test))
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._add("condition negated", node.test, ast.UnaryOp(ast.Not(), node.test))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add("truth negated", node, repr(not node.value))
        elif isinstance(node.value, int | float):
            self._add("number one off", node, repr(node.value + 1))

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not _is_none(node.value):
            self._add("None returned", node, "return None")
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._visit_function(node)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def generic_visit(self, node: ast.AST) -> None:
        """Here is where statements are left out: of bodies of functions and of what is in them."""
        dropped = isinstance(node, DROPPED) or (
            isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
        )
        # A variable that was never set would die of any test; what is in a class or a module too.
        if dropped and isinstance(node, ast.stmt) and node.col_offset >= 4 and not _binds(node):
            self._add("statement left out", node, "pass")
        super().generic_visit(node)


def _speaks(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and ast.unparse(node).startswith(SPEAKERS)


def _binds(node: ast.stmt) -> bool:
    """Whether it gives a name that nothing had before, as far as one can see."""
    return isinstance(node, ast.Assign) and any(
        not isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets
    )


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def find_sites() -> list[RandomMutant]:
    """All places of the service and the simulator, in order."""
    found: list[RandomMutant] = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            found += Sites(path.relative_to(ROOT).as_posix(), path.read_bytes()).found
    return found


def draw(seed: int, count: int) -> list[RandomMutant]:
    """So many places, the same for the same seed and sources."""
    return Random(seed).sample(find_sites(), count)


def run_random(seed: int, count: int) -> int:
    """Try them all, print the survivors; 1 if fewer than nine in ten are killed."""
    drawn = draw(seed, count)
    print(f"{count} mutants at random, seed {seed}", flush=True)
    tasks = [Task(mutant.file, mutant.changed(), find_tests(mutant.file)) for mutant in drawn]
    killed = [_judge(*pair) for pair in zip(drawn, run_tasks(tasks), strict=True)]
    print(f"{sum(killed)} of {count} killed, seed {seed}")
    return int(sum(killed) < 0.9 * count)


def _judge(mutant: RandomMutant, trial: Trial) -> bool:
    survived = trial.code == PASSED
    verdict = "SURVIVED" if survived else f"killed by {trial.killer}"
    print(f"{mutant.file}: {mutant.kind}: {verdict} ({trial.seconds:.0f} s)", flush=True)
    if survived:
        print(mutant.diff(), flush=True)
    return not survived
